package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// equivalents are the faults that change nothing, by file, function and change,
// with the reason.
type equivalents map[string]string

// loadEquivalents reads a list, in which a line is a fault as it is printed,
// without its line number, and the reason after " # ". Other lines that begin
// with # and empty lines are ignored. A file that does not exist is an empty
// list.
func loadEquivalents(path string) (equivalents, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	list := make(equivalents)
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndex(line, " # ")
		if at < 0 {
			return nil, fmt.Errorf("%s:%d: no reason after \" # \"", path, n)
		}
		list[strings.TrimSpace(line[:at])] = strings.TrimSpace(line[at+3:])
	}
	return list, lines.Err()
}

// reason returns why a fault changes nothing, "" if it is not in the list.
func (e equivalents) reason(f fault) string { return e[f.key()] }

// key identifies a fault however the lines of its file move.
func (f fault) key() string { return fmt.Sprintf("%s: %s: %s", f.shown, f.function, f.what()) }
