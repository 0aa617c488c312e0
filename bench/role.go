package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"strings"
)

// roleVariable is the environment variable that makes the program a server, or
// whatever else is measured in a separate process, instead of what measures.
const roleVariable = "GOAIO_BENCH_ROLE"

// parameterVariable is the environment variable with what a role needs to know
// beside its name: an address, a number.
const parameterVariable = "GOAIO_BENCH_PARAMETER"

func parameter() string { return os.Getenv(parameterVariable) }

// withParameter is an environment for startRole.
func withParameter(v any) string { return fmt.Sprintf("%s=%v", parameterVariable, v) }

// profileVariable is the environment variable with the directory in which roles
// leave CPU profiles, if it is set.
const profileVariable = "GOAIO_BENCH_PROFILE"

// roles are the processes that there are, by name. A role ends when its control
// does.
var roles = map[string]func(c *control) error{}

// playRole is the process of a role.
func playRole(name string) error {
	role := roles[name]
	if role == nil {
		return fmt.Errorf("no such role")
	}
	c := &control{in: bufio.NewScanner(os.Stdin)}
	dir := os.Getenv(profileVariable)
	if dir == "" {
		return role(c)
	}
	f, err := os.Create(filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-").Replace(name)+".prof"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return role(c)
}

// control is how a role is spoken to: a line of standard input is answered by a
// line of standard output. The end of standard input is the end of the role.
type control struct {
	in    *bufio.Scanner
	crowd *crowd // nil without one
}

// ready tells that the role has begun, and where it listens, if it does.
func (c *control) ready(addr string) { fmt.Println("ready", addr) }

// serve answers until standard input ends. Beside do, which may be nil, it
// knows "gc", which gives all memory that is not used back to the system, and
// "busy" (see busyCommand).
func (c *control) serve(do func(command string) (string, error)) error {
	for c.in.Scan() {
		command := c.in.Text()
		reply := ""
		if command == "gc" {
			debug.FreeOSMemory()
		} else if kind, ok := strings.CutPrefix(command, "busy "); ok {
			c.busyCommand(kind)
		} else if do != nil {
			var err error
			if reply, err = do(command); err != nil {
				return err
			}
		}
		fmt.Println("done", strings.ReplaceAll(reply, "\n", " "))
	}
	return c.in.Err()
}
