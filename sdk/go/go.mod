// The Go SDK. Plugins use it by path, from .gavel/sdk/go; it needs nothing but the standard library.
module gavel.dev/plugin

go 1.25
