// Package notify has the channels by which a monitor tells people: a signed webhook, Slack,
// Microsoft Teams, PagerDuty, ntfy and Alertmanager. Each function makes a perfmon.Notifier
// from options that it checks:
//
//	slack, err := notify.Slack(notify.SlackOptions{URL: os.Getenv("SLACK_WEBHOOK")})
//	if err != nil {
//		log.Fatal(err)
//	}
//
// E-mail, charts and the adapter to shoutrrr are modules of their own: notify/mail,
// notify/chart and notify/shoutrrr. Compose gives a channel of your own the same words.
//
// All of them are safe for concurrent use, honour the context, and share nothing with the
// host's HTTP client. They follow no redirect and read 64 KiB of an answer at most. Their
// errors say what the receiver answered, and hold no address, token or key. An answer of 429
// or 503 that says when to try again is a *perfmon.RetryError; other answers of 400 to 499,
// but 408 and 429, are a *perfmon.UndeliverableError: the same message would fail again.
package notify
