// Package perfmon is a performance monitor that lives inside a Go service.
//
//	m, err := perfmon.New()
//	if err != nil {
//		log.Fatal(err)
//	}
//	m.OnAlert(func(e perfmon.AlertEvent) { log.Print(e) })
//	if err := m.Start(ctx); err != nil {
//		log.Fatal(err)
//	}
//	defer m.Close()
//	http.ListenAndServe(addr, middleware.New(m)(mux))
//
// A metric is a named series of numbers. Every step, 10 s by default, a [Monitor] reads
// all metrics, publishes them as a [Sample] and holds them against its thresholds; every
// interval, 60 s by default, it makes one point of history of the steps. A value is
// about the service, one endpoint or one organization: its [Scope].
//
// Figures come from package middleware, which records HTTP requests; from package
// sqltime, which times the queries of a database; from the operating system and the Go
// runtime; from what the host records, such as [Monitor.RecordCacheHit]; and from
// metrics of the host's own: a [Gauge], a [Counter], a [Timer], a function
// ([WithMetricFunc]) or a [Collector].
//
// A [Threshold] that is violated for some steps in a row opens an [Alert], which lives
// until the value has recovered for as many steps. [Monitor.OnAlert] reports it, and
// package httpapi serves it. [Monitor.Alerts], [Monitor.Thresholds],
// [Monitor.Baselines], [Monitor.History], [Monitor.Metrics], [Monitor.Markers] and
// [Monitor.Config] read and change what a monitor holds.
//
// Every change is a [Record], which is committed before anybody is notified of it. A [Store]
// keeps records and points, so that a later monitor goes on where this one ended.
//
// Code that the host gives a monitor may be slow, wrong or panic: it harms neither the
// service nor the rest of the monitor, and [Monitor.Diagnostics] shows it. Everything
// that grows has a limit.
package perfmon
