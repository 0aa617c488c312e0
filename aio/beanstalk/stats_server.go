package beanstalk

import "time"

// ServerStats holds a server's own statistics. Counters begin when the server
// starts.
type ServerStats struct {
	// ready jobs with a priority below 1024
	Urgent                           uint64
	Ready, Reserved, Delayed, Buried uint64 // jobs
	Total                            uint64 // jobs put
	Timeouts                         uint64 // of reserved jobs
	Commands                         CommandStats

	MaxJobSize       uint64 // bytes
	Tubes            uint64
	Connections      uint64
	Producers        uint64 // connections that have put a job
	Workers          uint64 // connections that have reserved one
	Waiting          uint64 // connections that wait for one
	TotalConnections uint64

	PID        uint64
	Version    string
	UserTime   time.Duration // of processor time
	SystemTime time.Duration
	Uptime     time.Duration
	Draining   bool
	ID         string // random, new at each start
	Hostname   string
	OS         string
	Platform   string

	LogOldest   uint64 // index of the oldest log file in use
	LogCurrent  uint64 // index of the current log file; 0 without a log
	LogMigrated uint64 // records
	LogWritten  uint64 // records
	LogMaxSize  uint64 // bytes of a file
}

// CommandStats holds how many commands of each kind a server was sent.
type CommandStats struct {
	Put, Peek, PeekReady, PeekDelayed, PeekBuried uint64
	Reserve, ReserveWithTimeout, Delete, Release  uint64
	Use, Watch, Ignore, Bury, Kick, Touch         uint64
	Stats, StatsJob, StatsTube                    uint64
	ListTubes, ListTubeUsed, ListTubesWatched     uint64
	PauseTube                                     uint64
}

func (s *ServerStats) fields() fields {
	c := &s.Commands
	return fields{
		"current-jobs-urgent": &s.Urgent, "current-jobs-ready": &s.Ready,
		"current-jobs-reserved": &s.Reserved, "current-jobs-delayed": &s.Delayed,
		"current-jobs-buried": &s.Buried, "total-jobs": &s.Total, "job-timeouts": &s.Timeouts,
		"cmd-put": &c.Put, "cmd-peek": &c.Peek, "cmd-peek-ready": &c.PeekReady,
		"cmd-peek-delayed": &c.PeekDelayed, "cmd-peek-buried": &c.PeekBuried,
		"cmd-reserve": &c.Reserve, "cmd-reserve-with-timeout": &c.ReserveWithTimeout,
		"cmd-delete": &c.Delete, "cmd-release": &c.Release, "cmd-use": &c.Use,
		"cmd-watch": &c.Watch, "cmd-ignore": &c.Ignore, "cmd-bury": &c.Bury,
		"cmd-kick": &c.Kick, "cmd-touch": &c.Touch, "cmd-stats": &c.Stats,
		"cmd-stats-job": &c.StatsJob, "cmd-stats-tube": &c.StatsTube,
		"cmd-list-tubes": &c.ListTubes, "cmd-list-tube-used": &c.ListTubeUsed,
		"cmd-list-tubes-watched": &c.ListTubesWatched, "cmd-pause-tube": &c.PauseTube,
		"max-job-size": &s.MaxJobSize, "current-tubes": &s.Tubes,
		"current-connections": &s.Connections, "current-producers": &s.Producers,
		"current-workers": &s.Workers, "current-waiting": &s.Waiting,
		"total-connections": &s.TotalConnections, "pid": &s.PID, "version": &s.Version,
		"rusage-utime": &s.UserTime, "rusage-stime": &s.SystemTime,
		"uptime": (*wholeSeconds)(&s.Uptime), "draining": &s.Draining, "id": &s.ID,
		"hostname": &s.Hostname, "os": &s.OS, "platform": &s.Platform,
		"binlog-oldest-index": &s.LogOldest, "binlog-current-index": &s.LogCurrent,
		"binlog-records-migrated": &s.LogMigrated, "binlog-records-written": &s.LogWritten,
		"binlog-max-size": &s.LogMaxSize,
	}
}
