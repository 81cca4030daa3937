// Says what it sees of the world.
package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	gavel "gavel.dev/plugin"
)

// World is the verifier.
type World struct{}

func yes(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// Verify looks around.
func (World) Verify(gavel.Submission) (gavel.Verdict, error) {
	fmt.Println("a line for stdout")
	fmt.Fprintln(os.Stderr, "a line for stderr")
	_, err := os.Open("/etc/passwd")
	var random [8]byte
	rand.Read(random[:])
	clock := time.Now()
	time.Sleep(time.Hour)
	return gavel.Verdict{Reward: 1}.
		Metric("environment", float64(len(os.Environ()))).
		Metric("files", yes(err == nil)).
		Metric("clock", float64(clock.UnixNano())/1e9).
		Metric("random", float64(binary.LittleEndian.Uint64(random[:])>>11)/(1<<53)).
		Metric("slept", yes(time.Since(clock) >= time.Hour)), nil
}

func init() {
	gavel.Export[World](gavel.Plugin{
		Name:    "world",
		Version: "0.1.0",
		Summary: "Says what it sees of the world.",
		Metrics: []string{"environment", "files", "clock", "random", "slept"},
	})
}

func main() {}
