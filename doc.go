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
// all of them, publishes them as a [Sample] and holds them against its thresholds; every
// interval, 60 s by default, it makes one point of history of the steps. Values are about
// the service, one endpoint or one organization: their [Scope].
//
// Figures come from package middleware, which records HTTP requests; from package
// sqltime, which times the queries of a database; from the operating system and the Go
// runtime; from what the host records, such as [Monitor.RecordCacheHit]; and from
// metrics of its own: a [Gauge], a function ([WithMetricFunc]) or a [Collector].
//
// A [Threshold] that is violated for some steps in a row opens an [Alert], which lives
// until the value has recovered for as many. [Monitor.OnAlert] tells of it, package
// httpapi serves it.
//
// Nothing that the host gives a monitor, be it slow, wrong or panicking, harms the
// service or the rest of the monitor; [Monitor.Diagnostics] tells of it. Everything that
// grows has a limit.
package perfmon
