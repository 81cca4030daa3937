// Says the number that the reference is, and its bits.
package main

import (
	"errors"
	"math"
	"strconv"

	gavel "gavel.dev/plugin"
)

// Floats is the verifier.
type Floats struct{}

// Verify reads the reference.
func (Floats) Verify(s gavel.Submission) (gavel.Verdict, error) {
	text, err := s.RequireReference()
	if err != nil {
		return gavel.Verdict{}, err
	}
	value, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return gavel.Verdict{}, gavel.InvalidTask("%q is no number", text)
	}
	bits := math.Float64bits(value)
	return gavel.Verdict{Reward: value}.
		Metric("value", value).
		Metric("high", float64(bits>>32)).
		Metric("low", float64(bits&0xffffffff)), nil
}

func init() {
	gavel.Export[Floats](gavel.Plugin{
		Name:    "floats",
		Version: "0.1.0",
		Summary: "Says the number that the reference is, and its bits.",
		Metrics: []string{"value", "high", "low"},
	})
}

func main() {}
