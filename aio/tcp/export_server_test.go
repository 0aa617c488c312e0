package tcp

// ProcessSlotsTaken returns how many slots the servers without a bound of their own hold, in 80% of the files that the
// process may open.
func ProcessSlotsTaken() int {
	s, n := processSlots(), maxOpenFiles()/5*4
	free := 0
	for free < n && s.tryTake() {
		free++
	}
	s.sem.Release(int64(free))
	return n - free
}
