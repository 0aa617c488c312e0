package dnsserver

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const www = "www.example."

// suffer returns all messages that a query for www.example brings by UDP in
// memory.
func suffer(t *testing.T, f Fault) [][]byte {
	t.Helper()
	s := inMemory(t, &Server{Zone: zoneText})
	s.SetFault(Match{Name: www}, f)
	c := dial(t, s, "udp", "192.0.2.53:53")
	if _, err := c.Write(query(t, 0x1234, www, dnsmessage.TypeA, 0)); err != nil {
		t.Fatalf("c.Write: %v", err)
	}
	var all [][]byte
	for {
		if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatalf("c.SetReadDeadline: %v", err)
		}
		b := make([]byte, maxMessage)
		n, err := c.Read(b)
		if err != nil {
			return all
		}
		all = append(all, b[:n])
	}
}

// one expects one message that can be read.
func one(t *testing.T, msgs [][]byte) dnsmessage.Message {
	t.Helper()
	if len(msgs) != 1 {
		t.Fatalf("%d messages, want 1", len(msgs))
	}
	return unpack(t, msgs[0])
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault Fault
		check func(t *testing.T, msgs [][]byte) bool
	}{
		"none": {Fault{}, func(t *testing.T, msgs [][]byte) bool { return len(one(t, msgs).Answers) == 2 }},
		"drop": {Fault{Drop: true, AnswerToo: true}, func(_ *testing.T, msgs [][]byte) bool { return len(msgs) == 0 }},
		"rcode": {Fault{RCode: dnsmessage.RCodeServerFailure}, func(t *testing.T, msgs [][]byte) bool {
			m := one(t, msgs)
			return m.RCode == dnsmessage.RCodeServerFailure && len(m.Answers) == 0
		}},
		"TTL": {Fault{TTL: new(uint32(1 << 31))}, func(t *testing.T, msgs [][]byte) bool {
			m := one(t, msgs)
			return m.Answers[0].Header.TTL == 1<<31 && m.Answers[1].Header.TTL == 1<<31
		}},
		"extra": {Fault{Extra: 20}, func(t *testing.T, msgs [][]byte) bool { return len(one(t, msgs).Answers) == 22 }},
		"extra, too many": {Fault{Extra: 1000}, func(t *testing.T, msgs [][]byte) bool {
			m := one(t, msgs)
			return m.Truncated && len(m.Answers) == 0
		}},
		"truncate": {Fault{Truncate: true}, func(t *testing.T, msgs [][]byte) bool {
			m := one(t, msgs)
			return m.Truncated && len(m.Answers) == 0 && m.ID == 0x1234
		}},
		"wrong ID": {Fault{WrongID: true}, func(t *testing.T, msgs [][]byte) bool {
			m := one(t, msgs)
			return m.ID != 0x1234 && len(m.Answers) == 2
		}},
		"wrong question": {Fault{WrongQuestion: true}, func(t *testing.T, msgs [][]byte) bool {
			m := one(t, msgs)
			return m.ID == 0x1234 && m.Questions[0].Name.String() != www && m.Answers[0].Header.Name == m.Questions[0].Name
		}},
		"garbage": {Fault{Garbage: true}, func(_ *testing.T, msgs [][]byte) bool {
			return len(msgs) == 1 && bytes.HasPrefix(msgs[0], []byte{0x12, 0x34}) && new(dnsmessage.Message).Unpack(msgs[0]) != nil
		}},
		"compression loop": {Fault{Loop: true}, func(_ *testing.T, msgs [][]byte) bool {
			var p dnsmessage.Parser
			h, err := p.Start(msgs[0])
			if err != nil || h.ID != 0x1234 || p.SkipAllQuestions() != nil {
				return false
			}
			_, err = p.Answer()
			return err != nil && len(msgs) == 1
		}},
		"other port": {Fault{OtherPort: true}, func(_ *testing.T, msgs [][]byte) bool { return len(msgs) == 0 }},
		"other port, answer too": {Fault{OtherPort: true, AnswerToo: true}, func(t *testing.T, msgs [][]byte) bool {
			return len(one(t, msgs).Answers) == 2
		}},
		"answers": {Fault{Answer: func(q Query, answer []byte) [][]byte {
			return [][]byte{[]byte(q.Name), answer, nil}
		}}, func(_ *testing.T, msgs [][]byte) bool {
			return len(msgs) == 3 && string(msgs[0]) == www && len(msgs[1]) > 12 && len(msgs[2]) == 0
		}},
		"garbage, answer too": {Fault{Garbage: true, AnswerToo: true}, func(t *testing.T, msgs [][]byte) bool {
			return len(msgs) == 2 && len(unpack(t, msgs[1]).Answers) == 2
		}},
		"for streams only": {Fault{Half: true, Length: new(uint16(9)), Hangup: true}, func(t *testing.T, msgs [][]byte) bool {
			return len(one(t, msgs).Answers) == 2
		}},
		"reset": {Fault{Drop: true, Reset: true}, func(_ *testing.T, msgs [][]byte) bool { return len(msgs) == 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if msgs := suffer(t, tt.fault); !tt.check(t, msgs) {
					t.Errorf("fault %s: the client gets the messages %x, want what the fault says", name, msgs)
				}
			})
		})
	}
}

// The fault set last takes a query, and faults can be taken back or end by
// themselves.
func TestFaultRules(t *testing.T) {
	t.Parallel()
	s := inMemory(t, &Server{Zone: zoneText})
	c := dial(t, s, "udp", "192.0.2.53:53")
	rcode := func(want dnsmessage.RCode) {
		t.Helper()
		if m := ask(t, c, query(t, 1, www, dnsmessage.TypeA, 0)); m.RCode != want {
			t.Errorf("%v, want %v", m.RCode, want)
		}
	}
	s.SetFault(Match{}, Fault{RCode: dnsmessage.RCodeServerFailure})
	rcode(dnsmessage.RCodeServerFailure)
	s.SetFault(Match{Name: www}, Fault{RCode: dnsmessage.RCodeRefused, Times: 2})
	rcode(dnsmessage.RCodeRefused)
	rcode(dnsmessage.RCodeRefused)
	rcode(dnsmessage.RCodeServerFailure)
	s.SetFault(Match{Name: "WWW.example"}, Fault{})
	rcode(dnsmessage.RCodeSuccess)
	s.SetFault(Match{}, Fault{RCode: dnsmessage.RCodeNotImplemented})
	rcode(dnsmessage.RCodeNotImplemented)
	s.ClearFault(Match{})
	rcode(dnsmessage.RCodeSuccess)
	s.SetFault(Match{Type: dnsmessage.TypeAAAA}, Fault{RCode: dnsmessage.RCodeRefused})
	s.SetFault(Match{Transport: TCP}, Fault{RCode: dnsmessage.RCodeRefused})
	s.SetFault(Match{Server: "192.0.2.54:53"}, Fault{RCode: dnsmessage.RCodeRefused})
	rcode(dnsmessage.RCodeSuccess)
	s.ClearFaults()
	rcode(dnsmessage.RCodeSuccess)
}

// A delayed answer holds up no other, and comes when it is due.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, &Server{Zone: zoneText})
		s.SetFault(Match{Name: www}, Fault{Delay: 9 * time.Second})
		c := dial(t, s, "udp", "192.0.2.53:53")
		tcp := dial(t, s, "tcp", "192.0.2.53:53")
		begin := time.Now()
		for i, name := range []string{www, "v4.example."} {
			q := query(t, uint16(i), name, dnsmessage.TypeA, 0)
			if _, err := c.Write(q); err != nil {
				t.Fatalf("c.Write: %v", err)
			}
			if _, err := tcp.Write(framed(q)); err != nil {
				t.Fatalf("tcp.Write: %v", err)
			}
		}
		for i, want := range []time.Duration{0, 9 * time.Second} {
			m, m2 := unpack(t, receive(t, c)), unpack(t, receiveFramed(t, tcp))
			if d := time.Since(begin); d != want || m.ID != uint16(1-i) || m2.ID != m.ID {
				t.Errorf("answers %d, %d after %v, want %d after %v", m.ID, m2.ID, d, 1-i, want)
			}
		}
	})
}

// stream sends a query for www.example by TCP in memory, and reads until the
// end or until an hour has passed.
func stream1(t *testing.T, f Fault) ([]byte, error) {
	t.Helper()
	s := inMemory(t, &Server{Zone: zoneText})
	s.SetFault(Match{}, f)
	c := dial(t, s, "tcp", "192.0.2.53:53")
	if _, err := c.Write(framed(query(t, 0x1234, www, dnsmessage.TypeA, 0))); err != nil {
		t.Fatalf("c.Write: %v", err)
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatalf("c.SetReadDeadline: %v", err)
	}
	return io.ReadAll(c)
}

func TestStreamFaults(t *testing.T) {
	t.Parallel()
	const whole = 29 + 16 + 16
	for name, tt := range map[string]struct {
		fault   Fault
		length  int // announced
		bytes   int // that came, without the length; -1: not even that
		endedBy error
	}{
		"none":                   {Fault{}, whole, whole, os.ErrDeadlineExceeded},
		"drop":                   {Fault{Drop: true}, 0, -1, os.ErrDeadlineExceeded},
		"drop and hang up":       {Fault{Drop: true, Hangup: true}, 0, -1, nil},
		"reset":                  {Fault{Drop: true, Reset: true}, 0, -1, syscall.ECONNRESET},
		"answer and hang up":     {Fault{Hangup: true}, whole, whole, nil},
		"half, then nothing":     {Fault{Half: true}, whole, whole / 2, os.ErrDeadlineExceeded},
		"half, then the end":     {Fault{Half: true, Hangup: true}, whole, whole / 2, nil},
		"too long a length":      {Fault{Length: new(uint16(65535))}, 65535, whole, os.ErrDeadlineExceeded},
		"length 0":               {Fault{Length: new(uint16(0))}, 0, whole, os.ErrDeadlineExceeded},
		"truncate is for UDP":    {Fault{Truncate: true}, whole, whole, os.ErrDeadlineExceeded},
		"other port is for UDP":  {Fault{OtherPort: true}, whole, whole, os.ErrDeadlineExceeded},
		"1000 records":           {Fault{Extra: 998}, 29 + 16000, 29 + 16000, os.ErrDeadlineExceeded},
		"100,000 do not fit":     {Fault{Extra: 100000}, 29, 29, os.ErrDeadlineExceeded},
		"wrong and right answer": {Fault{Garbage: true, AnswerToo: true}, 64, 64 + 2 + whole, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, err := stream1(t, tt.fault)
				if !errors.Is(err, tt.endedBy) {
					t.Errorf("ended by %v, want %v", err, tt.endedBy)
				}
				if len(b) != tt.bytes+2 && tt.bytes >= 0 || len(b) > 0 && tt.bytes < 0 {
					t.Fatalf("%d bytes came, want %d", len(b), tt.bytes+2)
				}
				if len(b) > 0 && int(b[0])<<8+int(b[1]) != tt.length {
					t.Errorf("length % x, want %d", b[:2], tt.length)
				}
			})
		})
	}
}

// On loopback the other port is another port.
func TestOtherPort(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{Zone: zoneText})
	s.SetFault(Match{Name: www}, Fault{OtherPort: true, AnswerToo: true})
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatalf("net.ListenUDP: %v", err)
	}
	defer c.Close()
	to, err := net.ResolveUDPAddr("udp", s.Addr())
	if err != nil {
		t.Fatalf("net.ResolveUDPAddr: %v", err)
	}
	if _, err := c.WriteTo(query(t, 1, www, dnsmessage.TypeA, 0), to); err != nil {
		t.Fatalf("c.WriteTo: %v", err)
	}
	from := map[string]bool{}
	for range 2 {
		b := make([]byte, 512)
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatalf("c.SetReadDeadline: %v", err)
		}
		n, addr, err := c.ReadFrom(b)
		if err != nil {
			t.Fatalf("c.ReadFrom: %v", err)
		}
		unpack(t, b[:n])
		from[addr.String()] = true
	}
	if !from[s.Addr()] || !from[s.OtherAddr()] {
		t.Errorf("answers from %v, want %s and %s", from, s.Addr(), s.OtherAddr())
	}
}
