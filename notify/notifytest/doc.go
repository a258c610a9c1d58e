// Package notifytest tries the channels of package notify on real receivers: the Alertmanager
// of Debian's package prometheus-alertmanager, which ./test installs.
package notifytest
