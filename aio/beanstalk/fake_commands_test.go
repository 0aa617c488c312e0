package beanstalk_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

type fakeDo struct {
	args int
	fn   func(c *fakeConn, cmd fakeCommand) string
}

// fakeCommands are what a fake knows. They are called with its lock held.
var fakeCommands = map[string]fakeDo{
	"put":         {4, (*fakeConn).doPut},
	"use":         {1, (*fakeConn).doUse},
	"watch":       {1, (*fakeConn).doWatch},
	"ignore":      {1, (*fakeConn).doIgnore},
	"delete":      {1, (*fakeConn).doDelete},
	"touch":       {1, (*fakeConn).doTouch},
	"release":     {3, (*fakeConn).doRelease},
	"bury":        {2, (*fakeConn).doBury},
	"kick":        {1, (*fakeConn).doKick},
	"kick-job":    {1, (*fakeConn).doKickJob},
	"reserve-job": {1, (*fakeConn).doReserveJob},
	"peek":        {1, func(c *fakeConn, cmd fakeCommand) string { return found(c.job(cmd)) }},
	"peek-ready": {0, func(c *fakeConn, _ fakeCommand) string {
		return found(c.fake.first("ready", []string{c.use}, byPriority))
	}},
	"peek-delayed": {0, func(c *fakeConn, _ fakeCommand) string {
		return found(c.fake.first("delayed", []string{c.use}, byTime))
	}},
	"peek-buried":        {0, func(c *fakeConn, _ fakeCommand) string { return found(c.fake.first("buried", []string{c.use}, byID)) }},
	"stats":              {0, (*fakeConn).doStats},
	"stats-job":          {1, (*fakeConn).doStatsJob},
	"stats-tube":         {1, (*fakeConn).doStatsTube},
	"list-tubes":         {0, func(c *fakeConn, _ fakeCommand) string { return yamlList(c.fake.tubes()) }},
	"list-tubes-watched": {0, func(c *fakeConn, _ fakeCommand) string { return yamlList(c.watch) }},
	"list-tube-used":     {0, func(c *fakeConn, _ fakeCommand) string { return "USING " + c.use + "\r\n" }},
	"pause-tube":         {2, (*fakeConn).doPause},
}

const notFound = "NOT_FOUND\r\n"

// job returns the job that a command names, nil if there is none.
func (c *fakeConn) job(cmd fakeCommand) *fakeJob {
	id, err := strconv.ParseUint(cmd.words[1], 10, 64)
	if err != nil {
		return nil
	}
	return c.fake.jobs[id]
}

// own returns the job that a command names, if the connection has reserved it.
func (c *fakeConn) own(cmd fakeCommand) *fakeJob {
	if j := c.job(cmd); j != nil && j.by == c {
		return j
	}
	return nil
}

func secondsOf(word string) time.Duration {
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		panic(err)
	}
	return time.Duration(n) * time.Second
}

func priorityOf(word string) uint32 {
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

func (c *fakeConn) doPut(cmd fakeCommand) string {
	body, ok := strings.CutSuffix(string(cmd.body), "\r\n")
	switch {
	case !ok:
		return "EXPECTED_CRLF\r\n"
	case len(body) > c.fake.maxJob:
		return "JOB_TOO_BIG\r\n"
	case c.fake.draining:
		return "DRAINING\r\n"
	}
	j := c.fake.insert(c.use, []byte(body), priorityOf(cmd.words[1]), secondsOf(cmd.words[2]), secondsOf(cmd.words[3]))
	return fmt.Sprintf("INSERTED %d\r\n", j.id)
}

func (c *fakeConn) doUse(cmd fakeCommand) string {
	c.use = cmd.words[1]
	return "USING " + c.use + "\r\n"
}

func (c *fakeConn) doWatch(cmd fakeCommand) string {
	if !slices.Contains(c.watch, cmd.words[1]) {
		c.watch = append(c.watch, cmd.words[1])
	}
	return fmt.Sprintf("WATCHING %d\r\n", len(c.watch))
}

func (c *fakeConn) doIgnore(cmd fakeCommand) string {
	if len(c.watch) == 1 && c.watch[0] == cmd.words[1] {
		return "NOT_IGNORED\r\n"
	}
	c.watch = slices.DeleteFunc(c.watch, func(t string) bool { return t == cmd.words[1] })
	return fmt.Sprintf("WATCHING %d\r\n", len(c.watch))
}

func (c *fakeConn) doDelete(cmd fakeCommand) string {
	j := c.job(cmd)
	if j == nil || j.state == "reserved" && j.by != c {
		return notFound
	}
	j.delete()
	return "DELETED\r\n"
}

func (c *fakeConn) doTouch(cmd fakeCommand) string {
	j := c.own(cmd)
	if j == nil {
		return notFound
	}
	j.touch()
	return "TOUCHED\r\n"
}

func (c *fakeConn) doRelease(cmd fakeCommand) string {
	j := c.own(cmd)
	if j == nil {
		return notFound
	}
	j.pri = priorityOf(cmd.words[2])
	j.releases++
	j.after(secondsOf(cmd.words[3]))
	return "RELEASED\r\n"
}

func (c *fakeConn) doBury(cmd fakeCommand) string {
	j := c.own(cmd)
	if j == nil {
		return notFound
	}
	j.pri = priorityOf(cmd.words[2])
	j.buries++
	j.enter("buried", nil)
	return "BURIED\r\n"
}

func (c *fakeConn) doKick(cmd fakeCommand) string {
	bound, err := strconv.Atoi(cmd.words[1])
	if err != nil {
		return "BAD_FORMAT\r\n"
	}
	n, state := 0, "delayed"
	if c.fake.first("buried", []string{c.use}, byID) != nil {
		state = "buried"
	}
	for ; n < bound; n++ {
		j := c.fake.first(state, []string{c.use}, byID)
		if j == nil {
			break
		}
		j.kicks++
		j.ready()
	}
	return fmt.Sprintf("KICKED %d\r\n", n)
}

func (c *fakeConn) doKickJob(cmd fakeCommand) string {
	j := c.job(cmd)
	if j == nil || j.state != "buried" && j.state != "delayed" {
		return notFound
	}
	j.kicks++
	j.ready()
	return "KICKED\r\n"
}

func (c *fakeConn) doReserveJob(cmd fakeCommand) string {
	j := c.job(cmd)
	if j == nil || j.state == "reserved" {
		return notFound
	}
	return j.reserve(c)
}

func found(j *fakeJob) string {
	if j == nil {
		return notFound
	}
	return fmt.Sprintf("FOUND %d %d\r\n%s\r\n", j.id, len(j.body), j.body)
}

func (c *fakeConn) doStats(fakeCommand) string {
	return chunk("OK", fmt.Appendf(nil, "---\ncurrent-connections: %d\nversion: \"fake\"\nmax-job-size: %d\nrusage-utime: 1.500000\n"+
		"draining: %v\nuptime: 7\nnew-in-1.99: [1]\n", len(c.fake.conns), c.fake.maxJob, c.fake.draining))
}

func (c *fakeConn) doStatsJob(cmd fakeCommand) string {
	if j := c.job(cmd); j != nil {
		return j.stats()
	}
	return notFound
}

func (c *fakeConn) doStatsTube(cmd fakeCommand) string {
	tube := cmd.words[1]
	if !slices.Contains(c.fake.tubes(), tube) {
		return notFound
	}
	n := map[string]int{}
	for _, j := range c.fake.jobs {
		if j.tube == tube {
			n[j.state]++
		}
	}
	return chunk("OK", fmt.Appendf(nil, "---\nname: \"%s\"\ncurrent-jobs-ready: %d\ncurrent-jobs-reserved: %d\ncurrent-jobs-delayed: %d\n"+
		"current-jobs-buried: %d\npause: 0\n", tube, n["ready"], n["reserved"], n["delayed"], n["buried"]))
}

func (c *fakeConn) doPause(cmd fakeCommand) string {
	if !slices.Contains(c.fake.tubes(), cmd.words[1]) {
		return notFound
	}
	c.fake.paused[cmd.words[1]] = time.Now().Add(secondsOf(cmd.words[2]))
	c.fake.wake()
	return "PAUSED\r\n"
}
