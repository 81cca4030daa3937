module word-limit

go 1.25

require gavel.dev/plugin v0.0.0

// `gavel plugin new` and `gavel plugin build` lay the SDK down there.
replace gavel.dev/plugin => ./.gavel/sdk/go
