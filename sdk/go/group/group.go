// Package group is for plugins that judge the completions of a prompt together:
//
//	type Shortest struct{}
//
//	func (Shortest) VerifyGroup(submissions []gavel.Submission) ([]gavel.Judged, error) { … }
//
//	func init() {
//		group.Export[Shortest](gavel.Plugin{
//			Name: "shortest", Version: "0.1.0", Summary: "No other completion of the prompt is shorter.",
//		})
//	}
//
// A plugin imports it in the place of calling [gavel.Export]: what it exports besides says that it judges groups.
package group

import gavel "gavel.dev/plugin"

// Export makes V the plugin's verifier. Call it once, in an `init` function.
func Export[V gavel.GroupVerifier](plugin gavel.Plugin) { gavel.ExportGroup[V](plugin) }
