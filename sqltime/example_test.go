package sqltime_test

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sqltime"
)

// Open the database through sqltime in place of sql.Open. Nothing else changes.
func ExampleOpen() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	db, err := sqltime.Open(m, "example", "the data source name")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	result, err := db.Exec("INSERT INTO products VALUES (?)", "tea")
	if err != nil {
		log.Fatal(err)
	}
	n, err := result.RowsAffected()
	fmt.Println(n, err)
	// Output: 1 <nil>
}

// Drivers that are set up in code give a connector.
func ExampleConnector() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	var fromDriver driver.Connector = exampleConnector{} // such as pq.NewConnector or stdlib.GetConnector return
	timed, err := sqltime.Connector(m, fromDriver)
	if err != nil {
		log.Fatal(err)
	}
	db := sql.OpenDB(timed)
	defer func() { _ = db.Close() }()
	fmt.Println(db.Ping())
	// Output: <nil>
}
