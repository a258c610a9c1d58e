package redistime_test

import (
	"fmt"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/redistime"
)

// Watch the client once; nothing else changes.
func ExampleWatch() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: "cache.example:6379"})
	defer func() { _ = client.Close() }()
	err = redistime.Watch(m, client, redistime.AsCache()) // its hits are those of the service's cache
	fmt.Println(err)
	// Output: <nil>
}
