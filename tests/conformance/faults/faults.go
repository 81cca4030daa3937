// Breaks in every way that a plugin can break.
package main

import gavel "gavel.dev/plugin"

// Faults is the verifier.
type Faults struct{}

func spin() {
	number := uint64(1)
	for number != 0 {
		number = number*6364136223846793005 | 1
	}
}

var held [][]byte

func bomb() {
	for {
		more := make([]byte, 1<<20)
		for index := 0; index < len(more); index += 4096 {
			more[index] = 1
		}
		held = append(held, more)
	}
}

func recurse(depth uint64) uint64 {
	frame := [16]uint64{depth}
	return recurse(depth+1) + frame[depth%16]
}

// Verify breaks as it is told.
func (Faults) Verify(s gavel.Submission) (gavel.Verdict, error) {
	switch s.Completion {
	case "panic":
		panic("as asked")
	case "loop":
		spin()
	case "bomb":
		bomb()
	case "recurse":
		recurse(1)
	}
	return gavel.Verdict{Reward: 1}, nil
}

func init() {
	gavel.Export[Faults](gavel.Plugin{
		Name: "faults", Version: "0.1.0", Summary: "Breaks in every way that a plugin can break.",
	})
}

func main() {}
