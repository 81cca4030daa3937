// Says of each completion of a prompt how many are the same.
package main

import (
	gavel "gavel.dev/plugin"
	"gavel.dev/plugin/group"
)

// Group is the verifier.
type Group struct {
	Tag string `json:"tag" default:""`
}

// VerifyGroup counts.
func (g Group) VerifyGroup(submissions []gavel.Submission) ([]gavel.Judged, error) {
	var judged []gavel.Judged
	counts := map[string]float64{}
	for _, s := range submissions {
		if s.Completion == "all" {
			return nil, gavel.InvalidTask("told by one")
		}
		counts[s.Completion]++
	}
	size := float64(len(submissions))
	for place, s := range submissions {
		switch s.Completion {
		case "lose":
		case "abstain":
			judged = append(judged, gavel.Judged{Err: gavel.Abstain("told by %d", place+1)})
		default:
			reference := "<none>"
			if s.Reference != nil {
				reference = *s.Reference
			}
			same := counts[s.Completion]
			verdict := gavel.Verdict{Reward: same / size}.
				Because("[%s][%s][%s] %d of %d", s.Prompt, reference, g.Tag, place+1, len(submissions)).
				Metric("same", same).
				Metric("size", size)
			judged = append(judged, gavel.Judged{Verdict: verdict})
		}
	}
	return judged, nil
}

func init() {
	group.Export[Group](gavel.Plugin{
		Name:    "group",
		Version: "0.1.0",
		Summary: "Says of each completion of a prompt how many are the same.",
		Metrics: []string{"same", "size"},
	})
}

func main() {}
