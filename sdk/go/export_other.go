//go:build !wasip1

// Natively there is nothing to export; a plugin's tests call [Judge].

package gavel

// Export makes V the plugin's verifier. Call it once, in an `init` function.
func Export[V Verifier](plugin Plugin) {}

// ExportGroup is what [gavel.dev/plugin/group.Export] calls.
func ExportGroup[V GroupVerifier](plugin Plugin) {}
