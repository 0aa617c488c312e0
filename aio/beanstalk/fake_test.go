package beanstalk_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/tcp"
)

// A fake is a beanstalkd in memory, after protocol.txt: jobs with their states,
// priorities, delays and TTRs, tubes that are used, watched and paused,
// reserves that wait. It does wrong on demand. It must be made and closed in
// the bubble that it is used in.
type fake struct {
	network  aiotest.Network
	latency  time.Duration // of a dial
	listener net.Listener
	done     sync.WaitGroup

	mu       sync.Mutex
	conns    map[*fakeConn]bool
	accepted int
	jobs     map[uint64]*fakeJob
	last     uint64
	paused   map[string]time.Time
	maxJob   int
	draining bool
	log      []string // the commands, without bodies
	faults   []*fault
}

const fakeAddr = "10.0.0.1:11300"

// newFake starts a fake.
func newFake() *fake {
	f := &fake{conns: map[*fakeConn]bool{}, jobs: map[uint64]*fakeJob{}, paused: map[string]time.Time{}, maxJob: 65535}
	f.listen()
	return f
}

// client returns a client of the fake.
func (f *fake) client() *beanstalk.Client {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		time.Sleep(f.latency)
		return f.network.DialContext(ctx, network, addr)
	}
	return &beanstalk.Client{Addr: fakeAddr, Dialer: &tcp.Dialer{DialContext: dial}}
}

// listen accepts connections.
func (f *fake) listen() {
	l, err := f.network.Listen(fakeAddr)
	if err != nil {
		panic(err)
	}
	f.mu.Lock()
	f.listener = l
	f.mu.Unlock()
	f.done.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			f.serve(nc)
		}
	})
}

// stop resets all connections and refuses new ones, as a server that is killed.
// Reserved jobs are ready again, as from its log.
func (f *fake) stop() {
	f.mu.Lock()
	f.listener.Close()
	for c := range f.conns {
		c.nc.(aiotest.Conn).Abort()
	}
	f.mu.Unlock()
	f.done.Wait()
}

// serve serves a connection.
func (f *fake) serve(nc net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accepted++
	c := &fakeConn{
		fake: f, nc: nc, n: f.accepted, use: "default", watch: []string{"default"},
		more: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	f.conns[c] = true
	f.done.Go(c.read)
	f.done.Go(c.run)
}

// commands returns the commands that the fake was sent, and forgets them.
func (f *fake) commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	log := f.log
	f.log = nil
	return log
}

// open returns how many connections there are.
func (f *fake) open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns)
}

// made returns how many connections have been made.
func (f *fake) made() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.accepted
}

// all returns the jobs, by their IDs.
func (f *fake) all() map[uint64]*fakeJob {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.jobs)
}

// put puts a job as a client would.
func (f *fake) put(tube, body string, pri uint32, ttr time.Duration) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.insert(tube, []byte(body), pri, 0, ttr).id
}

// state returns a job's state, "" if there is no such job.
func (f *fake) state(id uint64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j := f.jobs[id]; j != nil {
		return j.state
	}
	return ""
}

// fail adds a fault.
func (f *fake) fail(ft fault) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, &ft)
	return &ft
}

// A fault is what the fake does wrong in answering a command, once.
type fault struct {
	cmd   string // the command's first word
	skip  int    // that many such commands are answered first
	cut   bool   // after bytes of the answer, the connection is closed
	mute  bool   // after bytes of the answer, nothing more is sent
	bytes int
	delay time.Duration // before the answer
	// what is answered, if it is not "", and nothing is done
	instead string
	before  string // what is sent before the answer
	fired   bool
	whole   int // the length of the right answer
}

// complete reports whether a fault has come behind the whole answer.
func (f *fake) complete(ft *fault) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return ft.bytes == ft.whole
}

// pick returns the fault that the command meets, nil without one. The lock is
// held.
func (f *fake) pick(cmd string) *fault {
	for _, ft := range f.faults {
		if ft.fired || ft.cmd != cmd {
			continue
		}
		if ft.skip > 0 {
			ft.skip--
			continue
		}
		ft.fired = true
		return ft
	}
	return nil
}

// A fakeConn is a connection to the fake.
type fakeConn struct {
	fake  *fake
	nc    net.Conn
	n     int
	use   string
	watch []string

	mu    sync.Mutex
	queue []fakeCommand
	more  chan struct{} // has a token when there is something in the queue
	gone  chan struct{} // closed when the client has ended
}

type fakeCommand struct {
	words []string
	body  []byte
}

// read reads commands ahead, so that the client's end is seen while a reserve
// waits.
func (c *fakeConn) read() {
	defer close(c.gone)
	r := bufio.NewReader(c.nc)
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return
		}
		cmd := fakeCommand{words: strings.Split(strings.TrimSuffix(text, "\r\n"), " ")}
		if len(text) > 224 || !strings.HasSuffix(text, "\r\n") {
			cmd.words = []string{"malformed"}
		}
		if cmd.words[0] == "put" && len(cmd.words) == 5 {
			n, err := strconv.Atoi(cmd.words[4])
			if err != nil {
				cmd.words = []string{"malformed"}
			}
			cmd.body = make([]byte, n+2)
			if _, err := io.ReadFull(r, cmd.body); err != nil {
				return
			}
		}
		c.mu.Lock()
		c.queue = append(c.queue, cmd)
		c.mu.Unlock()
		select {
		case c.more <- struct{}{}:
		default:
		}
	}
}

// next returns the next command, false at the client's end.
func (c *fakeConn) next() (fakeCommand, bool) {
	for {
		c.mu.Lock()
		if len(c.queue) > 0 {
			cmd := c.queue[0]
			c.queue = c.queue[1:]
			c.mu.Unlock()
			return cmd, true
		}
		c.mu.Unlock()
		select {
		case <-c.more:
		case <-c.gone:
			c.mu.Lock()
			left := len(c.queue)
			c.mu.Unlock()
			if left == 0 {
				return fakeCommand{}, false
			}
		}
	}
}

// run answers commands one after the other.
func (c *fakeConn) run() {
	defer c.close()
	for {
		cmd, ok := c.next()
		if !ok || cmd.words[0] == "quit" {
			return
		}
		c.fake.mu.Lock()
		c.fake.log = append(c.fake.log, strings.Join(cmd.words, " "))
		ft := c.fake.pick(cmd.words[0])
		c.fake.mu.Unlock()
		answer := ""
		if ft == nil || ft.instead == "" {
			answer = c.answer(cmd)
		}
		if !c.send(answer, ft) {
			return
		}
	}
}

// send sends an answer, or does wrong. It reports false if that is the
// connection's end.
func (c *fakeConn) send(answer string, ft *fault) bool {
	if ft != nil {
		c.fake.mu.Lock()
		ft.whole = len(answer)
		c.fake.mu.Unlock()
		if ft.instead != "" {
			answer = ft.instead
		}
		answer = ft.before + answer
		if ft.cut || ft.mute {
			answer = answer[:min(ft.bytes, len(answer))]
		}
	}
	if ft != nil && ft.delay > 0 {
		select {
		case <-time.After(ft.delay):
		case <-c.gone:
		}
	}
	if answer != "" {
		if _, err := io.WriteString(c.nc, answer); err != nil {
			return false
		}
	}
	switch {
	case ft == nil:
	case ft.cut:
		return false
	case ft.mute:
		<-c.gone
		return false
	}
	return true
}

// close gives back what the connection has reserved.
func (c *fakeConn) close() {
	c.nc.Close()
	<-c.gone
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	delete(c.fake.conns, c)
	for _, j := range c.fake.jobs {
		if j.by == c {
			j.ready()
		}
	}
}

// answer does what a command says.
func (c *fakeConn) answer(cmd fakeCommand) string {
	if cmd.words[0] == "reserve" || cmd.words[0] == "reserve-with-timeout" {
		return c.reserve(cmd)
	}
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	do, known := fakeCommands[cmd.words[0]]
	switch {
	case !known:
		return "UNKNOWN_COMMAND\r\n"
	case len(cmd.words)-1 != do.args:
		return "BAD_FORMAT\r\n"
	}
	return do.fn(c, cmd)
}

func chunk(word string, body []byte) string {
	return fmt.Sprintf("%s %d\r\n%s\r\n", word, len(body), body)
}
