package main

import "testing"

func TestTables(t *testing.T) {
	m := metric{"cpu", "CPU/request", "ns"}
	o := &outcome{
		Case: "hello", Base: "net/http", Metrics: []metric{m}, Peers: []string{"net/http", "goaio Handle", "fasthttp"},
		Samples: map[string]map[string][]float64{
			"net/http": {"cpu": {200}}, "goaio Handle": {"cpu": {100}}, "fasthttp": {"cpu": {50}},
		},
	}
	without := &outcome{
		Case: "mux", Base: "net/http", Metrics: []metric{m}, Peers: []string{"net/http"},
		Samples: map[string]map[string][]float64{"net/http": {"cpu": {300}}},
	}
	want := "CPU/request\n\n" +
		"| case | net/http | goaio Handle | to net/http | to fasthttp | fasthttp |\n" +
		"|---|---|---|---|---|---|\n" +
		"| hello | 200 ns | 100 ns | 0.50 | 2 | 50 ns |\n" +
		"| mux | 300 ns | - | - | - | - |\n"
	if got := (&report{Cases: []*outcome{o, without}}).tables(); got != want {
		t.Errorf("the tables are\n%s\nnot\n%s", got, want)
	}
}
