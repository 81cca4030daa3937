// Says the options that it was given.
package main

import gavel "gavel.dev/plugin"

// Options is the verifier.
type Options struct {
	Limit uint32 `json:"limit" min:"1" help:"What the reward will be."`
	Mode  string `json:"mode" default:"soft" enum:"soft,hard"`
}

// Verify says the options.
func (o Options) Verify(gavel.Submission) (gavel.Verdict, error) {
	return gavel.Verdict{Reward: float64(o.Limit), Reason: o.Mode}, nil
}

func init() {
	gavel.Export[Options](gavel.Plugin{
		Name: "options", Version: "0.1.0", Summary: "Says the options that it was given.",
	})
}

func main() {}
