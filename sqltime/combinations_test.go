//lint:file-ignore SA1019 drivers still have the interfaces of old

package sqltime_test

import "database/sql/driver"

// connsOf returns the same connection with none, all, one and all but one of the optional
// interfaces.
func connsOf(c *fullConn) map[string]driver.Conn {
	return map[string]driver.Conn{
		"none": struct{ driver.Conn }{c},
		"all":  c,
		"only ExecerContext": struct {
			driver.Conn
			driver.ExecerContext
		}{c, c},
		"only Execer": struct {
			driver.Conn
			driver.Execer
		}{c, c},
		"only QueryerContext": struct {
			driver.Conn
			driver.QueryerContext
		}{c, c},
		"only Queryer": struct {
			driver.Conn
			driver.Queryer
		}{c, c},
		"only ConnPrepareContext": struct {
			driver.Conn
			driver.ConnPrepareContext
		}{c, c},
		"only ConnBeginTx": struct {
			driver.Conn
			driver.ConnBeginTx
		}{c, c},
		"only Pinger": struct {
			driver.Conn
			driver.Pinger
		}{c, c},
		"only SessionResetter": struct {
			driver.Conn
			driver.SessionResetter
		}{c, c},
		"only Validator": struct {
			driver.Conn
			driver.Validator
		}{c, c},
		"only NamedValueChecker": struct {
			driver.Conn
			driver.NamedValueChecker
		}{c, c},
		"all but ExecerContext": struct {
			driver.Conn
			driver.Execer
			driver.QueryerContext
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but Execer": struct {
			driver.Conn
			driver.ExecerContext
			driver.QueryerContext
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but QueryerContext": struct {
			driver.Conn
			driver.ExecerContext
			driver.Execer
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but Queryer": struct {
			driver.Conn
			driver.ExecerContext
			driver.Execer
			driver.QueryerContext
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but ConnPrepareContext": struct {
			driver.Conn
			driver.ExecerContext
			driver.Execer
			driver.QueryerContext
			driver.Queryer
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but ConnBeginTx": struct {
			driver.Conn
			driver.ExecerContext
			driver.Execer
			driver.QueryerContext
			driver.Queryer
			driver.ConnPrepareContext
			driver.Pinger
			driver.SessionResetter
			driver.Validator
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but Pinger": struct {
			driver.Conn
			driver.ExecerContext
			driver.Execer
			driver.QueryerContext
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.SessionResetter
			driver.Validator
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but SessionResetter": struct {
			driver.Conn
			driver.ExecerContext
			driver.Execer
			driver.QueryerContext
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.Validator
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but Validator": struct {
			driver.Conn
			driver.ExecerContext
			driver.Execer
			driver.QueryerContext
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.NamedValueChecker
		}{c, c, c, c, c, c, c, c, c, c},
		"all but NamedValueChecker": struct {
			driver.Conn
			driver.ExecerContext
			driver.Execer
			driver.QueryerContext
			driver.Queryer
			driver.ConnPrepareContext
			driver.ConnBeginTx
			driver.Pinger
			driver.SessionResetter
			driver.Validator
		}{c, c, c, c, c, c, c, c, c, c},
	}
}

// stmtsOf returns the same statement with every choice of the optional interfaces.
func stmtsOf(s *fullStmt) map[string]driver.Stmt {
	return map[string]driver.Stmt{
		"none": struct{ driver.Stmt }{s},
		"StmtExecContext": struct {
			driver.Stmt
			driver.StmtExecContext
		}{s, s},
		"StmtQueryContext": struct {
			driver.Stmt
			driver.StmtQueryContext
		}{s, s},
		"StmtExecContext StmtQueryContext": struct {
			driver.Stmt
			driver.StmtExecContext
			driver.StmtQueryContext
		}{s, s, s},
		"NamedValueChecker": struct {
			driver.Stmt
			driver.NamedValueChecker
		}{s, s},
		"StmtExecContext NamedValueChecker": struct {
			driver.Stmt
			driver.StmtExecContext
			driver.NamedValueChecker
		}{s, s, s},
		"StmtQueryContext NamedValueChecker": struct {
			driver.Stmt
			driver.StmtQueryContext
			driver.NamedValueChecker
		}{s, s, s},
		"StmtExecContext StmtQueryContext NamedValueChecker": struct {
			driver.Stmt
			driver.StmtExecContext
			driver.StmtQueryContext
			driver.NamedValueChecker
		}{s, s, s, s},
		"ColumnConverter": struct {
			driver.Stmt
			driver.ColumnConverter
		}{s, s},
		"StmtExecContext ColumnConverter": struct {
			driver.Stmt
			driver.StmtExecContext
			driver.ColumnConverter
		}{s, s, s},
		"StmtQueryContext ColumnConverter": struct {
			driver.Stmt
			driver.StmtQueryContext
			driver.ColumnConverter
		}{s, s, s},
		"StmtExecContext StmtQueryContext ColumnConverter": struct {
			driver.Stmt
			driver.StmtExecContext
			driver.StmtQueryContext
			driver.ColumnConverter
		}{s, s, s, s},
		"NamedValueChecker ColumnConverter": struct {
			driver.Stmt
			driver.NamedValueChecker
			driver.ColumnConverter
		}{s, s, s},
		"StmtExecContext NamedValueChecker ColumnConverter": struct {
			driver.Stmt
			driver.StmtExecContext
			driver.NamedValueChecker
			driver.ColumnConverter
		}{s, s, s, s},
		"StmtQueryContext NamedValueChecker ColumnConverter": struct {
			driver.Stmt
			driver.StmtQueryContext
			driver.NamedValueChecker
			driver.ColumnConverter
		}{s, s, s, s},
		"StmtExecContext StmtQueryContext NamedValueChecker ColumnConverter": struct {
			driver.Stmt
			driver.StmtExecContext
			driver.StmtQueryContext
			driver.NamedValueChecker
			driver.ColumnConverter
		}{s, s, s, s, s},
	}
}
