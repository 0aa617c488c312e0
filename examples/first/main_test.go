package main

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	main()
	// Unordered output:
	// word: forty-two <nil>
	// number: 42 <nil>
	// ended: <nil>
}

// The README shows this program as it is.
func TestReadme(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatalf("os.ReadFile: %v", err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatalf("os.ReadFile: %v", err)
	}
	_, main, _ := strings.Cut(string(program), "func main() {")
	if !strings.Contains(string(readme), "```go\nfunc main() {"+main+"```\n") {
		t.Error("the program in README.md differs from examples/first/main.go")
	}
}
