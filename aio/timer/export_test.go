package timer

// SetAlarm is what Delay and After set their alarms with.
var SetAlarm = setAlarm

// Begin is the end of Every.
func (t *Ticker) Begin(immediate bool) { t.begin(immediate) }
