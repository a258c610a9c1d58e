package httpapi

// caller is whom limits of streams and back-tests are for: a principal. Those who sign in
// with the bearer token are all the same principal, so each session counts on its own.
type caller struct {
	by      Principal
	session [cookieNonce]byte // of the cookie; zero: the request has none
}

// caller returns who makes a request.
func (a *API) caller(r *request) caller {
	c := caller{by: r.by}
	if a.signIn != nil {
		c.session = a.signIn.session(r.Request).nonce
	}
	return c
}
