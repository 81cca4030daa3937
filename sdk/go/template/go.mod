// Any path will do; one without a dot could be that of a package of Go itself.
module plugins.example/word-limit

go 1.25

require gavel.dev/plugin v0.0.0

// `gavel plugin new` and `gavel plugin build` lay the SDK down there.
replace gavel.dev/plugin => ./.gavel/sdk/go
