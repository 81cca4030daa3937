// Judges length: the completion has at most `limit` words.
package main

import (
	"strings"

	gavel "gavel.dev/plugin"
)

// WordLimit is the verifier; its fields are the plugin's options.
type WordLimit struct {
	Limit int `json:"limit" min:"0" help:"The most words."`
}

// Verify counts words.
func (w WordLimit) Verify(submission gavel.Submission) (gavel.Verdict, error) {
	words := len(strings.Fields(submission.Completion))
	return gavel.RightIf(words <= w.Limit).
		Because("%d words, at most %d allowed", words, w.Limit).
		Metric("words", float64(words)), nil
}

func init() {
	gavel.Export[WordLimit](gavel.Plugin{
		Name:    "word-limit",
		Version: "0.1.0",
		Summary: "The completion has at most `limit` words.",
		Metrics: []string{"words"},
	})
}

func main() {}
