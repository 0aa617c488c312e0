package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine is where and with what it was measured.
type machine struct {
	Date    string
	CPU     string
	Cores   int
	Kernel  string
	Go      string
	Modules []string // the peers', with their versions
}

func environment() machine {
	m := machine{
		Date: time.Now().UTC().Format(time.RFC3339), CPU: "unknown", Cores: runtime.NumCPU(), Go: runtime.Version(),
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, rest, _ := strings.Cut(string(text), "model name")
		line, _, _ := strings.Cut(rest, "\n")
		m.CPU = strings.Trim(line, "\t :")
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Replace == nil {
				m.Modules = append(m.Modules, d.Path+" "+d.Version)
			}
		}
	}
	return m
}

// String is the line that stands above the tables.
func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, Linux %s, %s", m.CPU, m.Cores, m.Go, m.Kernel, m.Date)
}

// loadAverage returns the machine's load average, "unknown" if it is not
// available.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
