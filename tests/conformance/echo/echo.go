// Says what it was given.
package main

import gavel "gavel.dev/plugin"

// Echo is the verifier.
type Echo struct {
	Tag string `json:"tag" default:""`
}

func shown(text *string) string {
	if text == nil {
		return "<none>"
	}
	return "[" + *text + "]"
}

// Verify says everything.
func (e Echo) Verify(s gavel.Submission) (gavel.Verdict, error) {
	var columns struct {
		Note *string `json:"note"`
	}
	if err := s.Columns(&columns); err != nil {
		return gavel.Verdict{}, err
	}
	reason := shown(&s.Prompt) + shown(&s.Completion) + shown(s.Reference) + shown(columns.Note) + shown(&e.Tag)
	if len(reason) > 1100 {
		reason = "large"
	}
	var sum float64
	for _, b := range []byte(s.Completion) {
		sum += float64(b)
	}
	reference := -1.0
	if s.Reference != nil {
		reference = float64(len(*s.Reference))
	}
	return gavel.Verdict{Reward: 1, Reason: reason}.
		Metric("prompt_bytes", float64(len(s.Prompt))).
		Metric("completion_bytes", float64(len(s.Completion))).
		Metric("completion_sum", sum).
		Metric("reference_bytes", reference), nil
}

func init() {
	gavel.Export[Echo](gavel.Plugin{
		Name:    "echo",
		Version: "0.1.0",
		Summary: "Says what it was given.",
		Metrics: []string{"prompt_bytes", "completion_bytes", "completion_sum", "reference_bytes"},
	})
}

func main() {}
