package httpapi

import "net/http"

// livez answers 503 when the monitor has ended. It needs no principal and takes no lock,
// and says nothing else.
func (a *API) livez(*request) (answer, error) {
	select {
	case <-a.m.Done():
		return statusAnswer(http.StatusServiceUnavailable), nil
	default:
		return statusAnswer(http.StatusOK), nil
	}
}

// readyz answers 503 before the first sample, and when the monitor has ended or the API
// is closed. A monitor that is switched off is ready: it takes no samples.
func (a *API) readyz(r *request) (answer, error) {
	select {
	case <-a.closed:
		return statusAnswer(http.StatusServiceUnavailable), nil
	default:
	}
	if _, sampled := a.m.Current(); !sampled && a.m.Recording() {
		return statusAnswer(http.StatusServiceUnavailable), nil
	}
	return a.livez(r)
}
