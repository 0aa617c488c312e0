package dnsx

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
)

// Facts from Go's own net/testdata: what each file says.
func TestResolvConf(t *testing.T) {
	plain := resolvConf{ndots: 1, timeout: 5 * time.Second, attempts: 2}
	with := func(change func(c *resolvConf)) resolvConf {
		c := plain
		change(&c)
		return c
	}
	for _, tt := range []struct {
		text string
		want resolvConf
	}{
		{"", plain},
		{"# comment\n; comment\nnonsense\nnameserver\n", plain},
		{
			"domain localdomain\nnameserver 8.8.8.8\nnameserver 2001:4860:4860::8888\nnameserver fe80::1%lo0\n" +
				"options ndots:5 timeout:10 attempts:3 rotate\noptions attempts 3\n",
			resolvConf{
				servers: []string{"8.8.8.8:53", "[2001:4860:4860::8888]:53", "[fe80::1%lo0]:53"}, search: []string{"localdomain"},
				ndots: 5, timeout: 10 * time.Second, attempts: 3, rotate: true,
			},
		},
		{"search test invalid\ndomain localdomain\n", with(func(c *resolvConf) { c.search = []string{"localdomain"} })},
		{"domain localdomain\nsearch test Invalid.\n", with(func(c *resolvConf) { c.search = []string{"test", "invalid"} })},
		{"domain localdomain\nsearch .\n", with(func(c *resolvConf) { c.search = []string{} })},
		{
			"search c.symbolic-datum-552.internal.\nnameserver 169.254.169.254\nnameserver 10.240.0.1\nlookup file bind\n",
			with(func(c *resolvConf) {
				c.servers = []string{"169.254.169.254:53", "10.240.0.1:53"}
				c.search = []string{"c.symbolic-datum-552.internal"}
				c.lookup = []string{"file", "bind"}
			}),
		},
		{"options ndots:invalid", with(func(c *resolvConf) { c.ndots = 0 })},
		{"options ndots:16", with(func(c *resolvConf) { c.ndots = 15 })},
		{"options ndots:-1", with(func(c *resolvConf) { c.ndots = 0 })},
		{"options ndots:99999999999999999999", with(func(c *resolvConf) { c.ndots = 15 })},
		{"options timeout:0 attempts:0", with(func(c *resolvConf) { c.timeout, c.attempts = time.Second, 1 })},
		{"options timeout:3600 attempts:100", with(func(c *resolvConf) { c.timeout, c.attempts = 30*time.Second, 5 })},
		{"options use-vc", with(func(c *resolvConf) { c.useTCP = true })},
		{"options usevc", with(func(c *resolvConf) { c.useTCP = true })},
		{"options tcp", with(func(c *resolvConf) { c.useTCP = true })},
		{"options single-request", with(func(c *resolvConf) { c.singleRequest = true })},
		{"options single-request-reopen", with(func(c *resolvConf) { c.singleRequest = true })},
		{"options edns0 trust-ad no-reload unknown", with(func(c *resolvConf) { c.edns0, c.trustAD, c.noReload = true, true, true })},
		{
			"nameserver 1.1.1.1\nnameserver [127.0.0.1]:5353\nnameserver 127.0.0.1:5353\nnameserver dns.example\nnameserver ::1\nnameserver 2.2.2.2\n",
			with(func(c *resolvConf) { c.servers = []string{"1.1.1.1:53", "127.0.0.1:5353", "[::1]:53"} }),
		},
	} {
		if got := *parseResolvConf([]byte(tt.text)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q:\ngot  %+v\nwant %+v", tt.text, got, tt.want)
		}
	}
}

// Go's own files are read as its own resolver reads them.
func TestResolvConfOfGo(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command: ", err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src", "net", "testdata", "*resolv.conf"))
	if len(files) == 0 {
		t.Skip("no GOROOT with net/testdata")
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatalf("os.ReadFile: %v", err)
		}
		c := parseResolvConf(data)
		c.withDefaults(func() (string, error) { return "host.domain.local", nil })
		if len(c.servers) == 0 || c.ndots < 0 || c.ndots > 15 || c.timeout <= 0 || c.attempts <= 0 {
			t.Errorf("%s: %+v, want servers and values within bounds", f, c)
		}
	}
}

func TestResolvConfDefaults(t *testing.T) {
	for host, want := range map[string][]string{"host.domain.Local": {"domain.local"}, "host": nil, "foo.": {}} {
		c := parseResolvConf(nil)
		c.withDefaults(func() (string, error) { return host, nil })
		if !slices.Equal(c.search, want) || !slices.Equal(c.servers, []string{"127.0.0.1:53", "[::1]:53"}) {
			t.Errorf("empty resolv.conf, host name %s: %+v, want search list %q and the servers of this machine", host, c, want)
		}
	}
	c := parseResolvConf([]byte("search .\n"))
	c.withDefaults(func() (string, error) { return "host.domain.local", nil })
	if len(c.search) != 0 {
		t.Errorf("search list \".\", host name in a domain: %+v, want an empty search list", c)
	}
	c = parseResolvConf([]byte("search a\noptions ndots:3\n"))
	c.withEnvironment(func(name string) (string, bool) {
		return map[string]string{"LOCALDOMAIN": "b c", "RES_OPTIONS": "ndots:2 rotate"}[name], true
	})
	if !slices.Equal(c.search, []string{"b", "c"}) || c.ndots != 2 || !c.rotate {
		t.Errorf("LOCALDOMAIN \"b c\", RES_OPTIONS \"ndots:2 rotate\": %+v, want them to replace those of the file", c)
	}
}

func TestNSSwitch(t *testing.T) {
	for text, want := range map[string]order{
		"":                                   orderFilesDNS,
		"passwd: files\n":                    orderFilesDNS,
		"hosts:\n":                           orderFilesDNS,
		"hosts: files dns\n":                 orderFilesDNS,
		"hosts:\tfiles\tdns # comment":       orderFilesDNS,
		" hosts : files dns":                 orderFilesDNS,
		"hosts: dns files":                   orderDNSFiles,
		"hosts: files":                       orderFiles,
		"hosts: dns":                         orderDNS,
		"hosts: files mdns dns":              orderSystem,
		"hosts: files resolve dns":           orderSystem,
		"hosts: files dns myhostname":        orderSystem,
		"hosts: files [!UNAVAIL=return] dns": orderSystem,
		"#hosts: dns\nhosts: files dns":      orderFilesDNS,
	} {
		if got := parseNSSwitch([]byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// fromFiles is a resolver that goes by files, and asks a server in memory.
func fromFiles(t *testing.T, resolv, nss, hosts string) *rig {
	r := newRig(t, func(r *Resolver) { r.Servers, r.HostsFile = nil, "" })
	write(t, r.env.resolvConf, resolv)
	write(t, r.env.nsswitch, nss)
	write(t, r.env.hosts, hosts)
	return r
}

func TestOrders(t *testing.T) {
	const hosts = "192.0.2.99 www.example local.example\n"
	for _, tt := range []struct {
		nss, lookup string
		www, local  string
	}{
		{"hosts: files dns", "", "192.0.2.99", "192.0.2.99"},
		{"hosts: dns files", "", "192.0.2.1", "192.0.2.99"},
		{"hosts: dns", "", "192.0.2.1", ""},
		{"hosts: files", "", "192.0.2.99", "192.0.2.99"},
		{"", "bind file", "192.0.2.1", "192.0.2.99"},
	} {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			conf := "nameserver 192.0.2.53\n"
			if tt.lookup != "" {
				conf += "lookup " + tt.lookup + "\n"
			}
			r := fromFiles(t, conf, tt.nss, hosts)
			if tt.lookup != "" {
				r.env.goos = "openbsd"
			}
			for host, want := range map[string]string{"www.example": tt.www, "local.example": tt.local, "v4.example": "192.0.2.4"} {
				if tt.nss == "hosts: files" && host == "v4.example" {
					want = ""
				}
				a, err := r.LookupFamily(ctx, host, V4).Await(ctx)
				if !slices.Equal(a.Addrs, addrs(want)) || (err == nil) != (want != "") {
					t.Errorf("%q, lookup %q: %s: %+v, %v, want %q", tt.nss, tt.lookup, host, a, err, want)
				}
			}
			return nil
		})
	}
}

// A name in the hosts file is there for both families.
func TestHostsFileIsWhole(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := fromFiles(t, "nameserver 192.0.2.53\n", "", "192.0.2.99 www.example\n")
		if k := kindOf(ctx, t, r.LookupFamily(ctx, "www.example", V6)); k != KindNotFound {
			t.Errorf("V6 of a name that the hosts file has for IPv4: kind %v, want %v", k, KindNotFound)
		}
		a := await(ctx, t, r.Lookup(ctx, "WWW.example"))
		if a.Source != SourceHosts || a.TTL != 0 || a.CNAME != "www.example" {
			t.Errorf("a name in the hosts file: %+v, want it from there, with TTL 0", a)
		}
		if n := r.dns.Count(aiotest.DNSMatch{}); n != 0 {
			t.Errorf("a name in the hosts file: %d queries, want none", n)
		}
		return nil
	})
}

// The files are looked at again when a lookup comes, at most every 5 s.
func TestReload(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := fromFiles(t, "nameserver 192.0.2.53\n", "", "192.0.2.98 one.example\n")
		look := func(host, want string) {
			t.Helper()
			a, err := r.LookupFamily(ctx, host, V4).Await(ctx)
			if !slices.Equal(a.Addrs, addrs(want)) {
				t.Errorf("%s: %+v, %v, want %s", host, a, err, want)
			}
		}
		look("one.example", "192.0.2.98")
		look("www.example", "192.0.2.1")
		write(t, r.env.hosts, "192.0.2.97 one.example www.example\n2001:db8::1 two.example\n")
		time.Sleep(recheck - 1)
		look("one.example", "192.0.2.98")
		time.Sleep(time.Nanosecond)
		look("one.example", "192.0.2.97")
		look("www.example", "192.0.2.97")

		write(t, r.env.resolvConf, "nameserver 192.0.2.54\nsearch sub.example\n")
		time.Sleep(recheck)
		look("a", "192.0.2.11")
		if q := r.dns.Queries(aiotest.DNSMatch{Name: "a.sub.example"}); len(q) != 1 || q[0].Server != "192.0.2.54:53" {
			t.Errorf("queries for a.sub.example after a change of servers: %+v, want one to 192.0.2.54", q)
		}
		if err := errors.Join(os.Remove(r.env.hosts), os.Remove(r.env.resolvConf)); err != nil {
			t.Errorf("removing the files: %v", err)
		}
		time.Sleep(recheck)
		look("one.example", "")
		if q := r.dns.Queries(aiotest.DNSMatch{Name: "one.example"}); len(q) == 0 || q[0].Server != "127.0.0.1:53" {
			t.Errorf("queries for one.example after resolv.conf was removed: %+v, want one to 127.0.0.1", q)
		}
		return nil
	})
}

// The files are checked when recheck has passed, and when time has gone back.
func TestCheckDue(t *testing.T) {
	var c config
	now := clock()
	c.checked.Store(int64(now))
	for d, want := range map[time.Duration]bool{0: false, recheck - 1: false, recheck: true, -1: true, -time.Hour: true} {
		if got := c.due(now + instant(d)); got != want {
			t.Errorf("%v after the last check: due %v, want %v", d, got, want)
		}
	}
}

// A resolv.conf that names other servers makes what the old ones said void:
// what is kept, and what they are being asked at the time.
func TestReloadOtherServers(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := fromFiles(t, "nameserver 192.0.2.53\noptions timeout:7 attempts:1\n", "", "")
		r.dns.SetFault(aiotest.DNSMatch{Server: "192.0.2.53:53", Name: "v4.example"}, aiotest.DNSFault{Drop: true})
		if _, err := r.LookupFamily(ctx, "ns.example", V4).Await(ctx); err != nil {
			t.Fatalf("lookup of ns.example by the old server: %v", err)
		}
		old := r.LookupFamily(ctx, "v4.example", V4)
		time.Sleep(recheck - time.Second)
		write(t, r.env.resolvConf, "nameserver 192.0.2.54\n# another size: the time may be the same\n")
		time.Sleep(time.Second)
		for _, host := range []string{"ns.example", "v4.example"} {
			began := time.Now()
			if _, err := r.LookupFamily(ctx, host, V4).Await(ctx); err != nil || time.Since(began) != 0 {
				t.Errorf("lookup of %s after the change of servers: %v after %v, want an answer at once", host, err, time.Since(began))
			}
			q := r.dns.Queries(aiotest.DNSMatch{Name: host, Server: "192.0.2.54:53"})
			if len(q) != 1 {
				t.Errorf("the new server was asked %d times for %s, want once", len(q), host)
			}
		}
		if a, err := old.Await(ctx); err != nil || a.Source != SourceCache {
			t.Errorf("lookup under way when the servers changed: %+v, %v, want the new server's answer from the cache", a, err)
		}
		return nil
	})
}

// An answer of the old servers that comes after the change is not kept.
func TestReloadLateAnswer(t *testing.T) {
	answer := func(q *fakeQuery) {
		if q.host() == "10.0.0.1" {
			time.Sleep(time.Second)
		}
		good(q)
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		done := make(chan error)
		go func() {
			_, err := x.ask(ctx, qa("www.example."))
			done <- err
		}()
		synctest.Wait()
		cfg := x.plan.Load().exchangeConfig
		cfg.servers = []string{"10.0.0.2:53"}
		x.configure(cfg)
		if err := <-done; err != nil {
			t.Errorf("question to the old server: %v, want its answer", err)
		}
		if r := x.cached(qa("www.example.")); r != nil {
			t.Errorf("the cache has the answer of %s after the servers changed", r.server)
		}
	})
}

// A flight that was replaced after a change of servers is cancelled when its
// last asker gives up, and leaves the one in its place alone.
func TestReloadGivenUp(t *testing.T) {
	bubble(t, func(*fakeQuery) {}, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		ask := func() (cancel context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			go x.ask(ctx, qa("www.example."))
			synctest.Wait()
			return cancel
		}
		giveUpOld := ask()
		cfg := x.plan.Load().exchangeConfig
		cfg.servers = []string{"10.0.0.2:53"}
		x.configure(cfg)
		giveUpNew := ask()
		giveUpOld()
		synctest.Wait()
		if s := x.stats(); s.flights != 1 {
			t.Errorf("%d flights after the old one's asker gave up, want 1", s.flights)
		}
		giveUpThird := ask()
		if s := x.stats(); s.flights != 1 || s.coalesced != 1 {
			t.Errorf("%d flights and %d shared questions with two askers of the new servers, want 1 and 1", s.flights, s.coalesced)
		}
		giveUpNew()
		giveUpThird()
		synctest.Wait()
		if s := x.stats(); s.flights != 0 {
			t.Errorf("%d flights after all askers gave up, want 0", s.flights)
		}
	})
}

// A file that exists and cannot be read leaves in force what it said before,
// and is read as soon as it can be. One that could never be read is as good as
// empty until then. A file moved into the place of another is a new version
// even if its size and time are the same.
func TestUnreadableFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	look := func(f *watchedFile, want string, wantChanged bool) {
		t.Helper()
		if data, changed := f.look(); string(data) != want || changed != wantChanged {
			t.Errorf("look: %q, changed %v, want %q, %v", data, changed, want, wantChanged)
		}
	}
	f := &watchedFile{path: path, limit: 100}
	look(f, "", true) // missing
	look(f, "", false)
	if err := os.Mkdir(path, 0o700); err != nil { // exists, and cannot be read
		t.Fatalf("os.Mkdir: %v", err)
	}
	look(f, "", false)
	if err := os.Remove(path); err != nil {
		t.Fatalf("os.Remove: %v", err)
	}
	write(t, path, "one")
	look(f, "one", true)
	look(f, "", false)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatalf("os.Stat: %v", err)
	}
	write(t, path+"2", "two")
	if err := errors.Join(os.Chtimes(path+"2", info.ModTime(), info.ModTime()), os.Rename(path+"2", path)); err != nil {
		t.Fatalf("replacing the file: %v", err)
	}
	look(f, "two", true)
	look(f, "", false)
	write(t, path, "three")
	f.limit = 3
	look(f, "thr", true)
	if err := os.Remove(path); err != nil {
		t.Fatalf("os.Remove: %v", err)
	}
	look(f, "", true)
	look(f, "", false)

	dir := &watchedFile{path: filepath.Dir(path), limit: 100} // never readable
	look(dir, "", false)
	r := &Resolver{env: testEnvironment(t)}
	if err := errors.Join(os.Mkdir(r.env.resolvConf, 0o700), os.Mkdir(r.env.hosts, 0o700)); err != nil {
		t.Fatalf("making the directories: %v", err)
	}
	if s := r.settle(clock()); len(s.cfg.servers) != 2 || s.cfg.servers[0] != "127.0.0.1:53" || s.hosts == nil {
		t.Errorf("with files that cannot be read: servers %q, hosts %v, want those of this machine, and an empty table", s.cfg.servers, s.hosts)
	}
}

func TestNoReload(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := fromFiles(t, "nameserver 192.0.2.53\noptions no-reload\n", "", "")
		await(ctx, t, r.Lookup(ctx, "www.example"))
		write(t, r.env.resolvConf, "nameserver 192.0.2.54\nsearch sub.example\n")
		time.Sleep(recheck)
		if k := kindOf(ctx, t, r.Lookup(ctx, "a")); k != KindNotFound {
			t.Errorf("a name of the new search list, with no-reload: kind %v, want %v", k, KindNotFound)
		}
		return nil
	})
}

// Fields of a Resolver come before the files.
func TestFieldsWin(t *testing.T) {
	env := testEnvironment(t)
	write(t, env.resolvConf, "nameserver 192.0.2.9\nsearch a b\noptions ndots:3 timeout:7 attempts:4 rotate use-vc trust-ad\n")
	r := &Resolver{env: env}
	s := r.settle(clock())
	if c := s.cfg; !slices.Equal(c.servers, []string{"192.0.2.9:53"}) || c.timeout != 7*time.Second || c.attempts != 4 ||
		!c.rotate || !c.useTCP || !c.trustAD || !c.edns0 || s.ndots != 3 || len(s.search) != 2 {
		t.Errorf("settings of the file: %+v, want what it says", s)
	}
	r = &Resolver{env: env, AttemptTimeout: time.Second, Attempts: 1, NDots: -1, Search: []string{}}
	s = r.settle(clock())
	if c := s.cfg; c.timeout != time.Second || c.attempts != 1 || s.ndots != 0 || len(s.search) != 0 {
		t.Errorf("settings with fields set: %+v, want those of the fields", s)
	}
	r = &Resolver{env: env, Servers: []string{"::1", "tls://1.1.1.1", "1.1.1.1:54"}}
	s = r.settle(clock())
	if c := s.cfg; !slices.Equal(c.servers, []string{"[::1]:53", "tls://1.1.1.1", "1.1.1.1:54"}) || c.timeout != 0 ||
		c.rotate || c.useTCP || s.ndots != 1 || len(s.search) != 0 {
		t.Errorf("settings with Servers set: %+v, want the file ignored", s)
	}
}

// listed is the search list x, y.z for a name.
func listed(name string, rooted bool, ndots int) (names []string) {
	s := newSearch(name+".", rooted, []string{"x", "y.z"}, ndots)
	for i := range s.len() {
		if n := s.at(i); n != "" {
			names = append(names, n)
		}
	}
	return names
}

func TestSearch(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rooted bool
		ndots  int
		want   []string
	}{
		{"a", false, 1, []string{"a.x.", "a.y.z.", "a."}},
		{"a", true, 1, []string{"a."}},
		{"a.b", false, 1, []string{"a.b.", "a.b.x.", "a.b.y.z."}},
		{"a.b", false, 2, []string{"a.b.x.", "a.b.y.z.", "a.b."}},
		{"a", false, 0, []string{"a.", "a.x.", "a.y.z."}},
	} {
		if got := listed(tt.name, tt.rooted, tt.ndots); !slices.Equal(got, tt.want) {
			t.Errorf("search names of %+v: %q", tt, got)
		}
	}
	// 251 characters
	long := string(slices.Repeat([]byte("abcdefg."), 31)) + "abc"
	if got := listed(long, false, 99); !slices.Equal(got, []string{long + ".x.", long + "."}) {
		t.Errorf("search names of one that is too long with y.z: %q, want it with x, and alone", got)
	}
}

func TestSystemEnvironment(t *testing.T) {
	e := systemEnvironment()
	if e.goos != runtime.GOOS || e.hosts == "" || e.system == nil || e.source == nil {
		t.Errorf("systemEnvironment() = %+v, want all of it set", e)
	}
}
