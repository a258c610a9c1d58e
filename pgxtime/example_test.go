package pgxtime_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/pgxtime"
)

// Give the pool's configuration a tracer, and the tracer the pool.
func Example() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	tracer, err := pgxtime.New(m)
	if err != nil {
		log.Fatal(err)
	}
	config, err := pgxpool.ParseConfig("postgres://shop@db.example/shop")
	if err != nil {
		log.Fatal(err)
	}
	config.ConnConfig.Tracer = tracer
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	fmt.Println(tracer.Watch(pool))
	// Output: <nil>
}
