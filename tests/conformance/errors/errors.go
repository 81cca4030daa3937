// Gives no verdict, for each reason that there is.
package main

import gavel "gavel.dev/plugin"

// Errors is the verifier.
type Errors struct{}

var kinds = map[string]func(string, ...any) error{
	"invalid-task":    gavel.InvalidTask,
	"abstain":         gavel.Abstain,
	"internal-error":  gavel.Internal,
	"invalid-options": gavel.InvalidOptions,
}

// Verify fails as it is told.
func (Errors) Verify(s gavel.Submission) (gavel.Verdict, error) {
	told := "nothing"
	if s.Reference != nil {
		told = *s.Reference
	}
	if why, known := kinds[s.Completion]; known {
		return gavel.Verdict{}, why("told: %s", told)
	}
	if s.Completion == "column" {
		var columns struct {
			Level float64 `json:"level"`
		}
		err := s.Columns(&columns)
		return gavel.Verdict{Reward: columns.Level}, err
	}
	return gavel.Verdict{Reward: 0.25}, nil
}

func init() {
	gavel.Export[Errors](gavel.Plugin{
		Name: "errors", Version: "0.1.0", Summary: "Gives no verdict, for each reason that there is.",
	})
}

func main() {}
