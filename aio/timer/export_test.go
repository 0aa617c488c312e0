package timer

// SetAlarm is what Delay and After set their alarms with.
var SetAlarm = setAlarm
