package transport

import "testing"

func TestParse(t *testing.T) {
	for spec, want := range map[string]Server{
		"127.0.0.1:53":                         {scheme: schemeUDP, addr: "127.0.0.1:53"},
		"127.0.0.1":                            {scheme: schemeUDP, addr: "127.0.0.1:53"},
		"udp://127.0.0.1":                      {scheme: schemeUDP, addr: "127.0.0.1:53"},
		"[::1]:5353":                           {scheme: schemeUDP, addr: "[::1]:5353"},
		"::1":                                  {scheme: schemeUDP, addr: "[::1]:53"},
		"[::1]":                                {scheme: schemeUDP, addr: "[::1]:53"},
		"[fe80::1%eth0]:53":                    {scheme: schemeUDP, addr: "[fe80::1%eth0]:53"},
		"tcp://127.0.0.1":                      {scheme: schemeTCP, addr: "127.0.0.1:53"},
		"tls://9.9.9.9":                        {scheme: schemeTLS, addr: "9.9.9.9:853", name: "9.9.9.9"},
		"tls://[fe80::1%eth0]:8853":            {scheme: schemeTLS, addr: "[fe80::1%eth0]:8853", name: "fe80::1"},
		"tls://dns.example@9.9.9.9:8853":       {scheme: schemeTLS, addr: "9.9.9.9:8853", name: "dns.example"},
		"https://dns.example/q":                {scheme: schemeHTTPS, addr: "dns.example:443", name: "dns.example", url: "https://dns.example/q"},
		"https://dns.example/q@9.9.9.9":        {scheme: schemeHTTPS, addr: "9.9.9.9:443", name: "dns.example", url: "https://dns.example/q"},
		"https://dns.example:8443/q@[::1]:444": {scheme: schemeHTTPS, addr: "[::1]:444", name: "dns.example", url: "https://dns.example:8443/q"},
		"https://dns.example:8443/q@9.9.9.9":   {scheme: schemeHTTPS, addr: "9.9.9.9:8443", name: "dns.example", url: "https://dns.example:8443/q"},
	} {
		for _, tcp := range []bool{false, true} {
			scheme := want.scheme
			if tcp && scheme == schemeUDP {
				scheme = schemeTCP
			}
			s := Parse(spec, tcp)
			if s.Err != nil || s.Spec != spec || s.scheme != scheme || s.addr != want.addr || s.name != want.name || s.url != want.url {
				t.Errorf("Parse(%q, %v) = %+v, want %+v with scheme %d", spec, tcp, s, want, scheme)
			}
			if s.encrypted() != (scheme == schemeTLS || scheme == schemeHTTPS) {
				t.Errorf("Parse(%q, %v): encrypted %v", spec, tcp, s.encrypted())
			}
		}
	}
	for _, spec := range []string{
		"", "name:53", "tls://name", "https://", "https:///q", "https://u:p@host/q", "https://host/q@name", "ftp://1.2.3.4", "1.2.3.4:x",
	} {
		if s := Parse(spec, false); s.Err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", spec, s)
		}
	}
}
