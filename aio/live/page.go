package live

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"sync"

	"goaio.example/aio"
)

// Page shows a loop. It is an http.Handler, for any server and below any path
// that ends in a slash. Set the fields before its first request.
//
//	GET ./          the page, in HTML
//	GET ./events    what it shows, as server-sent events
//	GET ./snapshot  a Snapshot in JSON
//	GET ./metrics   the Metrics
//	POST ./stack    the page with the stack of the operation that is chosen
//	POST ./cancel   cancels that operation, with AllowControl
//	POST ./drain    drains the loop, with AllowControl
//
// These have the parameters q (a part of the name or kind of operations, or an
// ID), sort (age, new, bytes or name), open (keys of rows, see Row.Key) and op
// (the ID of the operation that is chosen). With as=json, events are Snapshots.
type Page struct {
	// Loop is what is shown. A Server has its ctx's loop if it is nil.
	Loop *aio.Loop
	// AllowControl has the page cancel operations and drain the loop. Without
	// it the page is read-only.
	AllowControl bool
	// Token, if set, must be known to whoever asks: it is given as the bearer
	// token of the Authorization header, or once in the URL, "?token=TOKEN",
	// for which a browser is given a cookie. Without it only requests of
	// this machine, from loopback addresses and unix sockets, are answered. A
	// proxy on this machine is part of it.
	Token string
	// Hosts are the names that the page may be asked for by, besides IP
	// addresses and localhost. Others get 421: a page of another site, whose
	// name leads here, could read it otherwise.
	Hosts []string
	// Metrics are served at ./metrics. nil stands for those of the Loop,
	// without durations.
	Metrics *Metrics

	origins http.CrossOriginProtection
	once    sync.Once
	history history
	views   views
	session session
	looking sync.Mutex    // held while all operations are looked at
	served  bool          // by a Server
	ended   chan struct{} // closed when a Server's loop has ended
}

// Handler returns a read-only page of the loop.
func Handler(loop *aio.Loop) http.Handler { return &Page{Loop: loop} }

// init makes what the fields do not have.
func (p *Page) init() {
	p.once.Do(func() {
		p.history.loop = p.Loop
		p.ended = make(chan struct{})
		p.session = newSession(p.Token)
	})
}

// ServeHTTP answers a request.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.init()
	nonce := rand.Text()
	secure(w.Header(), nonce)
	if p.served && r.ProtoMajor == 1 {
		// one that is kept is given some time at the end
		w.Header().Set("Connection", "close")
	}
	if !p.admit(w, r) {
		return
	}
	q := parseQuery(r.URL.Query())
	switch r.Method + " " + partOf(r) {
	case "GET ", "HEAD ":
		p.show(w, q, &pageData{Nonce: nonce})
	case "GET events":
		p.stream(w, r, q)
	case "GET snapshot":
		p.snapshot(w, q)
	case "GET metrics", "HEAD metrics":
		cmp.Or(p.Metrics, &Metrics{Loop: p.Loop}).ServeHTTP(w, r)
	case "GET stack":
		back(w, q)
	case "POST stack":
		p.stack(w, q, nonce)
	case "POST cancel":
		p.control(w, q, func() error { return p.cancel(q.Op) })
	case "POST drain":
		p.control(w, q, func() error { p.Loop.Exit(nil); return nil })
	case "GET cancel", "GET drain":
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "live: only by POST", http.StatusMethodNotAllowed)
	default:
		http.NotFound(w, r)
	}
}

// show answers with the page.
func (p *Page) show(w http.ResponseWriter, q query, d *pageData) {
	s := p.take()
	p.look(s, q)
	d.S, d.Q, d.CSS, d.JS = s, q, template.CSS(pageCSS), template.JS(pageJS) //nolint:gosec // files of this package
	d.Over = s.Phase == "done"
	text, err := render("page", d)
	if err != nil {
		http.Error(w, "live: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write([]byte(text)) // an error means that the client is gone
}

// snapshot answers with a Snapshot.
func (p *Page) snapshot(w http.ResponseWriter, q query) {
	s := p.take()
	p.look(s, q)
	text, err := json.Marshal(s)
	if err != nil {
		http.Error(w, "live: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text) // an error means that the client is gone
}

// stack answers with the page and the stack of the chosen operation.
func (p *Page) stack(w http.ResponseWriter, q query, nonce string) {
	d := &pageData{Nonce: nonce, Message: "The operation is not in flight any more."}
	if r, ok := p.Loop.Find(q.Op); ok {
		d.Message = ""
		p.looking.Lock() // one stop of the world at a time
		d.Stack = r.Stack()
		p.looking.Unlock()
		if d.Stack == "" {
			d.Message = "It has no goroutine that runs its function now: it waits for its children, a timer, a connection or a slot."
		}
	}
	p.show(w, q, d)
}

// errNotInFlight says that an operation has ended, or never was.
var errNotInFlight = errors.New("live: the operation is not in flight any more")

// errAsked is the cause of operations that a user cancels by the page.
var errAsked = errors.New("live: cancelled by hand")

// cancel cancels an operation. Main's is the loop's affair: see Loop.Exit.
func (p *Page) cancel(id uint64) error {
	r, ok := p.Loop.Find(id)
	if !ok || r == p.Loop.Main() {
		return errNotInFlight
	}
	r.Cancel(errAsked)
	return nil
}

// control does something to the loop if that is allowed, and leads back to the
// page.
func (p *Page) control(w http.ResponseWriter, q query, do func() error) {
	if !p.AllowControl {
		http.Error(w, "live: read-only: see live.Page.AllowControl", http.StatusForbidden)
		return
	}
	if err := do(); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	back(w, q)
}

// back leads to the page.
func back(w http.ResponseWriter, q query) {
	w.Header().Set("Location", "./"+q.Link())
	w.WriteHeader(http.StatusSeeOther)
}
