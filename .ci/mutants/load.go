package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
)

// pkg is a package as `go list` describes it.
type pkg struct {
	Dir, ImportPath string
	GoFiles         []string // those that the current platform builds
	Module          struct{ Dir string }
}

// load finds a package. With files, only these get faults.
func load(path string, files []string) (*pkg, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-json", path)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w\n%s", path, err, stderr.Bytes())
	}
	p := new(pkg)
	if err := json.Unmarshal(out, p); err != nil {
		return nil, fmt.Errorf("go list %s: %w", path, err)
	}
	if len(files) == 0 {
		return p, nil
	}
	for _, name := range files {
		if !slices.Contains(p.GoFiles, filepath.Base(name)) {
			return nil, fmt.Errorf("%s is not a file of %s on this platform", name, p.ImportPath)
		}
	}
	p.GoFiles = slices.DeleteFunc(p.GoFiles, func(have string) bool {
		return !slices.ContainsFunc(files, func(name string) bool { return filepath.Base(name) == have })
	})
	return p, nil
}

// faults returns all faults of the package's files, in the order of the source.
func (p *pkg) faults() ([]fault, error) {
	var all []fault
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		shown, err := filepath.Rel(p.Module.Dir, path)
		if err != nil {
			return nil, err
		}
		found, err := faultsOf(path, filepath.ToSlash(shown))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
