package dnsx

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// Facts from Go's own net/testdata.
func TestHosts(t *testing.T) {
	for _, tt := range []struct {
		text  string
		names map[string]string // addresses, by name
		canon map[string]string
	}{
		{
			text: "255.255.255.255\tbroadcasthost\n127.0.0.2\todin\n127.0.0.3\todin  # inline comment \n::2             odin\n" +
				"127.1.1.1\tthor\n# aliases\n127.1.1.2\tullr ullrhost\nfe80::1%lo0\tlocalhost\n# Bogus entries that must be ignored.\n" +
				"123.123.123\tloki\n321.321.321.321\n",
			names: map[string]string{
				"odin": "127.0.0.2 127.0.0.3 ::2", "thor": "127.1.1.1", "ullr": "127.1.1.2", "ullrhost": "127.1.1.2",
				"localhost": "fe80::1%lo0", "loki": "", "broadcasthost": "255.255.255.255",
			},
			canon: map[string]string{"ullrhost": "ullr"},
		},
		{
			text:  "192.0.2.1 first shared\n192.0.2.2 second shared\n",
			names: map[string]string{"shared": "192.0.2.1 192.0.2.2"},
			canon: map[string]string{"shared": "first", "first": "first", "second": "second"},
		},
		{
			text:  "192.0.2.1 again\n192.0.2.2 again\n192.0.2.1 again\n192.0.2.2 again\n",
			names: map[string]string{"again": "192.0.2.1 192.0.2.2"},
		},
		{text: "127.0.0.2\todin", names: map[string]string{"odin": "127.0.0.2"}},
		{
			text: "127.0.0.1\tlocalhost\t# inline comment separated by tab\n127.0.0.2\tlocalhost   # by space\n" +
				"127.0.0.3\tlocalhost\tlocalhost.localdomain\n",
			names: map[string]string{"localhost": "127.0.0.1 127.0.0.2 127.0.0.3", "localhost.localdomain": "127.0.0.3"},
			canon: map[string]string{"localhost.localdomain": "localhost"},
		},
		{
			text: "::1\t\tlocalhost\nfe80:0000:0000:0000:0000:0000:0000:0001\tlocalhost\n" +
				"fe80:0000:0000:0000:0000:0000:0000:0002%lo0\tlocalhost\nfe80::3%lo0\tlocalhost\tlocalhost.localdomain\n",
			names: map[string]string{"localhost": "::1 fe80::1 fe80::2%lo0 fe80::3%lo0", "localhost.localdomain": "fe80::3%lo0"},
		},
		{
			text:  "127.0.0.1\tPreserveMe\tPreserveMe.local\n::1\t\tPreserveMe\tPreserveMe.local\n",
			names: map[string]string{"preserveme": "127.0.0.1 ::1", "preserveme.local": "127.0.0.1 ::1"},
		},
		{
			text:  "192.0.2.1 bücher.example. a_b  bad..name\r\n192.0.2.1 a_b\r\n::ffff:192.0.2.2 mapped",
			names: map[string]string{"xn--bcher-kva.example": "192.0.2.1", "a_b": "192.0.2.1", "bad..name": "", "mapped": "192.0.2.2"},
		},
	} {
		h := parseHosts([]byte(tt.text))
		for name, want := range tt.names {
			e, ok := h.lookup(name)
			if !slices.Equal(e.addrs, addrs(want)) || ok != (want != "") {
				t.Errorf("%s: %v, want %s", name, e.addrs, want)
			}
			if c, ok := tt.canon[name]; ok && e.canonical != c {
				t.Errorf("%s: canonical name %s, want %s", name, e.canonical, c)
			}
		}
	}
}

func TestHostsByAddress(t *testing.T) {
	h := parseHosts([]byte("127.0.0.1 PreserveMe PreserveMe.local.\nfe80::1 router\nfe80::2%eth0 other\n"))
	for a, want := range map[string]string{
		"127.0.0.1": "PreserveMe PreserveMe.local", "::ffff:127.0.0.1": "PreserveMe PreserveMe.local",
		"fe80::1": "router", "fe80::1%eth0": "router", "fe80::2%eth0": "other", "fe80::2%eth1": "", "192.0.2.1": "",
	} {
		if got := h.names(netip.MustParseAddr(a)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %q", a, got, want)
		}
	}
}

func FuzzHosts(f *testing.F) {
	f.Add([]byte("127.0.0.1 localhost # comment\n::1 localhost ip6-localhost\nfe80::1%lo0 a b c\n"))
	f.Add([]byte("192.0.2.1 bücher.example\r\n\x00\xff\n1.2.3.4"))
	f.Add([]byte("#\n \t\n:: :: ::\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h := parseHosts(data)
		for name, e := range h.byName {
			if ascii, rooted, err := hostName(name); err != nil || rooted || ascii != name {
				t.Errorf("%q, which is not a name, is in the table: %v", name, err)
			}
			if len(e.addrs) == 0 || e.canonical == "" {
				t.Errorf("%q: %+v, want addresses and a canonical name", name, e)
			}
		}
		for a, names := range h.byAddr {
			if !a.IsValid() || a.Is4In6() || len(names) == 0 {
				t.Errorf("%v: %q, want a valid unmapped address with names", a, names)
			}
		}
	})
}

func FuzzResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 8.8.8.8\nsearch a b\noptions ndots:5 timeout:10 attempts:3 rotate edns0 use-vc trust-ad\n"), []byte("hosts: files dns\n"))
	f.Add([]byte("domain x\nnameserver fe80::1%lo0\nnameserver [::1]:54\nlookup file bind\noptions ndots:-1"), []byte("hosts: [a] # b"))
	f.Add([]byte(";\n#\n\noptions timeout: attempts:x ndots:99999999999999999999\nsearch . .. \xff"), []byte(":"))
	f.Fuzz(func(t *testing.T, resolv, nss []byte) {
		c := parseResolvConf(resolv)
		if len(c.servers) > maxServers || len(c.search) > maxSearch || c.ndots < 0 || c.ndots > maxNDots ||
			c.timeout <= 0 || c.attempts < 1 || c.attempts > maxAttempts {
			t.Errorf("%+v, want all values within bounds", c)
		}
		for _, s := range c.servers {
			if _, err := netip.ParseAddrPort(s); err != nil {
				t.Errorf("server %q: %v, want an address and port", s, err)
			}
		}
		for _, d := range c.search {
			if !isSafe(d) || d != lowerName(d) {
				t.Errorf("%q is in the search list, want a valid name in lower case", d)
			}
		}
		if o := parseNSSwitch(nss); o > orderSystem {
			t.Errorf("order %d, want one of the constants", o)
		}
	})
}
