package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// child is the process of a role.
type child struct {
	name string
	addr string // where it listens, "" if it does not
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
}

// startRole starts this program in a role. env is added to the environment.
func startRole(name string, env ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), append(env, roleVariable+"="+name)...)
	return startChild(name, cmd)
}

// startChild starts a program that can be spoken to as a role can.
func startChild(name string, cmd *exec.Cmd) (*child, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{name: name, cmd: cmd, in: in, out: bufio.NewScanner(out)}
	c.addr, err = c.next("ready")
	if err != nil {
		return nil, err
	}
	return c, nil
}

// next reads what follows the word in the next line that begins with it.
func (c *child) next(word string) (string, error) {
	for c.out.Scan() {
		if rest, ok := strings.CutPrefix(c.out.Text(), word); ok {
			return strings.TrimSpace(rest), nil
		}
	}
	err := c.cmd.Wait()
	return "", fmt.Errorf("the process of %s has ended: %v", c.name, err)
}

// ask sends a command and waits for the answer.
func (c *child) ask(command string) (string, error) {
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return "", fmt.Errorf("%s: %w", c.name, err)
	}
	return c.next("done")
}

// askNumber is ask for a number.
func (c *child) askNumber(command string) (float64, error) {
	answer, err := c.ask(command)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(answer, 64)
}

// stop ends the process and waits for that; one that does not end within 10 s
// is killed.
func (c *child) stop() {
	c.in.Close()
	timer := time.AfterFunc(10*time.Second, func() {
		fmt.Fprintf(os.Stderr, "bench: %s did not end: killed\n", c.name)
		_ = c.cmd.Process.Kill() // it may have ended just now
	})
	defer timer.Stop()
	for c.out.Scan() {
	}
	if err := c.cmd.Wait(); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", c.name, err)
	}
}

// cpu returns the CPU time that the process has used so far, of all its
// threads. The clock is the scheduler's, in nanoseconds; clock_getcpuclockid(3)
// tells how its number is made.
func (c *child) cpu() (time.Duration, error) {
	const schedulerClock = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^c.cmd.Process.Pid<<3|schedulerClock), &ts); err != nil {
		return 0, fmt.Errorf("the CPU time of %s: %w", c.name, err)
	}
	return time.Duration(ts.Nano()), nil
}

// memory returns the process's resident memory in bytes, after it has released
// unused memory.
func (c *child) memory() (float64, error) {
	if _, err := c.ask("gc"); err != nil {
		return 0, err
	}
	return residentMemory(c.cmd.Process.Pid)
}

// residentMemory returns a process's resident memory in bytes. smaps_rollup is
// exact; what statm and status say lags by some pages per CPU.
func residentMemory(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "\nRss:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseFloat(kib, 64)
	if err != nil {
		return 0, fmt.Errorf("the memory of %d: %w", pid, err)
	}
	return n * 1024, nil
}
