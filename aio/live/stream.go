package live

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"goaio.example/aio/httpx"
)

// stream sends what the page shows until the client is gone, the loop has
// ended, or the server drains that the request has come to.
func (p *Page) stream(w http.ResponseWriter, r *http.Request, q query) {
	es, err := httpx.SSE(w, r, 0)
	if err != nil {
		http.Error(w, "live: "+err.Error(), http.StatusInternalServerError)
		return
	}
	defer es.Close()
	p.history.watch()
	defer p.history.leave()
	v := p.views.enter(p, q, r.URL.Query().Get("as") == "json")
	defer p.views.leave(v)
	s := &stream{page: p, view: v, es: es, sent: map[string]string{}}
	s.leaving, s.draining = p.Loop.Leaving(), p.Loop.Draining()
	for over := false; !over; {
		if over, err = s.step(); err != nil {
			return // the client is gone, or es says so
		}
	}
}

// stream is one client that watches.
type stream struct {
	page *Page
	view *view
	es   *httpx.EventStream
	sent map[string]string // the parts that the client has

	leaving, draining <-chan struct{} // of the loop; nil once closed
	final             bool            // Page.ended is closed
}

// step sends a frame and waits until it is time for the next. It reports
// whether the stream is over.
func (s *stream) step() (over bool, err error) {
	every := calmTime
	if s.leaving == nil {
		every = endTime
	}
	final := s.final || s.page.Loop.Stats().Phase == "done"
	s.page.history.sample(final)
	f, err := s.view.frame(every, final)
	if err != nil {
		return true, err
	}
	if err := s.send(f); err != nil {
		return true, err
	}
	if final {
		return true, s.es.Send(httpx.ServerEvent{Type: "end", Data: s.page.farewell()})
	}
	return s.wait(every)
}

// wait waits for the next frame's time.
func (s *stream) wait(d time.Duration) (over bool, err error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.leaving:
		s.leaving = nil
	case <-s.draining:
		s.leaving, s.draining = nil, nil
	case <-s.page.ended:
		s.final = true
	case <-s.es.Draining():
		select {
		case <-s.page.ended: // and that is why
			s.final = true
		default:
			return true, nil
		}
	case <-s.es.Gone():
		return true, nil
	}
	return false, nil
}

// send sends the parts of a frame that the client does not have.
func (s *stream) send(f *frame) error {
	fresh := map[string]string{}
	for id, text := range f.parts {
		if s.sent[id] != text {
			fresh[id], s.sent[id] = text, text
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if text, ok := fresh[""]; ok {
		return s.es.Send(httpx.ServerEvent{Data: text})
	}
	text, err := json.Marshal(fresh)
	if err != nil {
		return err
	}
	return s.es.Send(httpx.ServerEvent{Data: string(text)})
}

// farewell says how the loop has ended.
func (p *Page) farewell() string {
	switch n := p.Loop.Stats().InFlight; n {
	case 0:
		return "The loop has ended, and nothing is left."
	case 1:
		return "The loop has ended. 1 operation was left behind."
	default:
		return fmt.Sprintf("The loop has ended. %s operations were left behind.", countText(n))
	}
}
