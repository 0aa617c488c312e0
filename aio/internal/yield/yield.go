// Package yield lets other goroutines run before the caller goes on.
package yield

// Yielder lets goroutines run that are ready. The zero Yielder is ready for
// use, by one goroutine at a time.
type Yielder struct{ done chan struct{} }

// Yield returns when the goroutines that wait in the caller's processor's queue
// have had a turn. runtime.Gosched would put the caller behind those that
// become runnable meanwhile, too, which takes up to a second on a busy machine.
func (y *Yielder) Yield() {
	if y.done == nil {
		y.done = make(chan struct{})
	}
	go func() { y.done <- struct{}{} }()
	// takes the place of the first, which goes to the end of the queue
	go func() {}()
	<-y.done
}
