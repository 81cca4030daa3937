// Says two hundred numbers.
package main

import (
	"fmt"

	gavel "gavel.dev/plugin"
)

// Metrics is the verifier.
type Metrics struct{}

func names() []string {
	names := make([]string, 200)
	for index := range names {
		names[index] = fmt.Sprintf("m%03d", index)
	}
	return names
}

// Verify says all of them.
func (Metrics) Verify(gavel.Submission) (gavel.Verdict, error) {
	verdict := gavel.Verdict{Reward: 0.5}
	for index, name := range names() {
		verdict = verdict.Metric(name, float64(index)/2)
	}
	return verdict, nil
}

func init() {
	gavel.Export[Metrics](gavel.Plugin{
		Name: "metrics", Version: "0.1.0", Summary: "Says two hundred numbers.", Metrics: names(),
	})
}

func main() {}
