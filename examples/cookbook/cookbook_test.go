package cookbook_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const page = "../../docs/cookbook.md"

// block is a fenced block of the page, and the file that the page says it is
// from.
type block struct {
	file, code string
	line       int
}

var linkToFile = regexp.MustCompile(`\]\(\.\./examples/cookbook/(\w+_test\.go)\)`)

// blocks returns the fenced blocks of Go code.
func blocks(text string) (all []block) {
	var file string
	var in *block
	for i, line := range strings.Split(text, "\n") {
		switch {
		case in == nil && line == "```go":
			in = &block{file: file, line: i + 1}
		case in != nil && line == "```":
			all = append(all, *in)
			in = nil
		case in != nil:
			in.code += line + "\n"
		default:
			if m := linkToFile.FindStringSubmatch(line); m != nil {
				file = m[1]
			}
		}
	}
	return all
}

// The code of the page is the code of the tests, and each recipe that is tested
// is on the page.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatalf("os.ReadFile: %v", err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatalf("filepath.Glob: %v", err)
	}
	shown := []string{"cookbook_test.go", "main_test.go"}
	for _, b := range blocks(string(text)) {
		source, err := os.ReadFile(b.file)
		switch {
		case err != nil:
			t.Errorf("%s:%d: the block's file: %v", page, b.line, err)
		case !strings.Contains(string(source), "\n"+b.code):
			t.Errorf("%s:%d: the block is not contained in examples/cookbook/%s", page, b.line, b.file)
		}
		shown = append(shown, b.file)
	}
	for _, file := range files {
		if !slices.Contains(shown, file) {
			t.Errorf("%s shows nothing of examples/cookbook/%s", page, file)
		}
	}
}

// Blocks of other languages are left out, and one that follows no link has no
// file.
func TestBlocks(t *testing.T) {
	got := blocks("[x](../examples/cookbook/x_test.go):\n```go\na\n\n\tb\n```\n```sh\nno\n```\n")
	want := []block{{"x_test.go", "a\n\n\tb\n", 2}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := blocks("```go\na\n```\n"); len(got) != 1 || got[0].file != "" {
		t.Errorf("without a file: %+v", got)
	}
}
