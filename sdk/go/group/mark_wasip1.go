// The mark by which gavel finds that a plugin judges groups.

package group

//go:wasmexport gavel-judges-groups
func judgesGroups() {}
