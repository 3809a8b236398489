// The C face: the database for C99 and for every language that can call C.
//
//   tremula_db* db;
//   tremula_open_memory(&db);
//   tremula_run(db, "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2)", NULL, 0, NULL, NULL);
//   tremula_subscribe(db, "SELECT Name FROM Song", NULL, 0, listener, user, NULL, &songs);
//   tremula_run(db, "INSERT INTO Song {Id: 1}", NULL, 0, NULL, NULL);  // calls the listener
//   tremula_unsubscribe(songs);
//   tremula_close(db);
//
// Errors
//   A call that can fail returns a tremula_status: TREMULA_OK, or one of the numbers below, which
//   never change. What tremula_error_message() and its like say is of the last such call of the
//   same thread. Out-parameters are written on success alone, unless said otherwise. Nothing is
//   thrown across this border.
// Memory
//   Handles are opaque; each has the one function that ends it, which also takes NULL. Texts are
//   UTF-8. `const char*` parameters end with a NUL; tremula_text and tremula_value carry a length.
//   What is given to a call is borrowed for its length. Structs whose first member is `size` grow
//   at their end: put sizeof there, and a library older or newer than the header understands it.
// Threads
//   A database, its subscriptions and its functions may be used from any thread: calls take turns.
//   A transaction belongs to the thread that began it and makes the others wait; from another
//   thread its functions answer TREMULA_MISUSE. A statement is one thread's at a time.
//   tremula_close() must be the last call on its database.
// Callbacks
//   1  A listener is called on the thread that commits, after the whole commit was taken in, while
//      other threads wait: every query in it sees the newest state.
//   2  It may run, query, commit, subscribe and unsubscribe, itself too. Its own commit happens at
//      once; what that changes is delivered after the deliveries that are under way.
//   3  If it returns something else than 0, or throws (C++), the commit stands and the others hear
//      it; after that the outermost call that committed answers TREMULA_CALLBACK_FAILED or
//      TREMULA_EXCEPTION. Of several failures it is the first.
//   4  tremula_close() inside any callback is TREMULA_MISUSE.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tremula/export.h"
#include "tremula/version.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- Errors ---

// Written by tools/error_codes.py.
enum tremula_status_code {
  TREMULA_OK = 0,                       // no error
  TREMULA_SYNTAX = 1,                   // the text is not TreeQL, or nests too deeply
  TREMULA_UNKNOWN_TABLE = 2,            // no table of that name
  TREMULA_UNKNOWN_COLUMN = 3,           // no column of that name
  TREMULA_UNKNOWN_FUNCTION = 4,         // no function of that name
  TREMULA_AMBIGUOUS_COLUMN = 5,         // several tables have a column of that name; say which
  TREMULA_TYPE_MISMATCH = 6,            // a value of another type than the column or operator takes
  TREMULA_DUPLICATE_KEY = 7,            // a row of this key exists already
  TREMULA_NOT_NULL = 8,                 // NULL, or nothing, for a column that must have a value
  TREMULA_KEY_UPDATE = 9,               // an update of a column of the key
  TREMULA_SCHEMA_CONFLICT = 10,         // a declaration against the table as it is
  TREMULA_UNBOUND_PARAMETER = 11,       // a parameter that was given no value
  TREMULA_LIMIT_RANGE = 12,             // a LIMIT or OFFSET that is no whole number from 0
  TREMULA_DUPLICATE_SUBSCRIPTION = 13,  // a subscription of that name exists already
  TREMULA_UNKNOWN_SUBSCRIPTION = 14,    // no subscription of that name
  TREMULA_READ_ONLY = 15,               // a write where only reading is possible
  TREMULA_INVALID_UTF8 = 16,            // a text that is not UTF-8
  TREMULA_IO = 17,                      // the file system refused something
  TREMULA_CORRUPT = 18,                 // a file does not hold what was written to it
  TREMULA_LOCKED = 19,                  // another process has the directory open
  TREMULA_UNSUPPORTED = 20,             // a thing that Tremula does not do, or not here
  TREMULA_INTERRUPTED = 21,             // a statement that was ended before it was done
  TREMULA_MISUSE = 100,                 // a null pointer, an ended handle, a foreign thread
  TREMULA_NO_MEMORY = 101,              // memory ran out; nothing was changed
  TREMULA_EXCEPTION = 102,              // a C++ exception came out of a callback
  TREMULA_CALLBACK_FAILED = 103,        // a callback returned something else than 0
  TREMULA_ROW = 200,                    // there is a row to read
  TREMULA_DONE = 201                    // there are no more rows
};
typedef int32_t tremula_status;

// The name of a number, "syntax"; "" if there is none.  Lifetime: for ever.
TREMULA_API const char* tremula_status_name(tremula_status status);

// Of the last call of this thread that returned a tremula_status.  Lifetime: until the next one.
TREMULA_API tremula_status tremula_error_status(void);
TREMULA_API const char* tremula_error_message(void);  // one line, "" without an error
// "error: syntax at 1:8: ...", with the source line and a caret if there is a place.
TREMULA_API const char* tremula_error_text(void);
TREMULA_API uint32_t tremula_error_line(void);    // in the text given, from 1; 0: no place
TREMULA_API uint32_t tremula_error_column(void);  // in code points, from 1; 0: no place

// "0.1.0", of the library that runs.
TREMULA_API const char* tremula_version(void);

// --- Values ---

typedef struct tremula_text {
  const char* data;  // ended by a NUL where that is said, and in values and changes
  size_t size;       // in bytes, without the NUL
} tremula_text;

enum tremula_kind {
  TREMULA_KIND_NULL = 0,
  TREMULA_KIND_BOOL = 1,   // `integer` is 0 or 1
  TREMULA_KIND_INT = 2,    // `integer`
  TREMULA_KIND_REAL = 3,   // `real`
  TREMULA_KIND_TEXT = 4,   // `text`
  TREMULA_KIND_BYTES = 5,  // `text` holds any bytes
  TREMULA_KIND_JSON = 6    // `text` is JSON: an object or an array
};

typedef struct tremula_value {
  int32_t kind;  // tremula_kind: which of the others counts
  int32_t reserved;
  int64_t integer;
  double real;
  tremula_text text;
} tremula_value;

TREMULA_API tremula_value tremula_null_value(void);
TREMULA_API tremula_value tremula_bool_value(int32_t value);
TREMULA_API tremula_value tremula_int_value(int64_t value);
TREMULA_API tremula_value tremula_real_value(double value);
TREMULA_API tremula_value tremula_text_value(const char* text);  // borrowed; NULL is NULL
TREMULA_API tremula_value tremula_bytes_value(const void* data, size_t size);
TREMULA_API tremula_value tremula_json_value(const char* json);

// A parameter (without its $) or a column.
typedef struct tremula_named {
  const char* name;
  tremula_value value;
} tremula_named;

// Gives back what a `char**` was set to.
TREMULA_API void tremula_free(void* memory);

// --- Databases ---

typedef struct tremula_db tremula_db;

enum tremula_durability {
  TREMULA_ASYNC = 0,  // a commit is done when all queries have it, and on disk a little later
  TREMULA_SYNC = 1    // a commit is done when it is on disk, too
};

typedef struct tremula_open_options {
  size_t size;             // sizeof(tremula_open_options)
  int32_t durability;      // tremula_durability
  int32_t create;          // whether a directory that holds no database gets one
  uint32_t sync_delay_ms;  // how far the disk may be behind
  uint32_t reserved;       // 0
  uint64_t queue_bytes;    // the bound of the commits that wait for the disk
  uint64_t memory_bytes;   // about what tables, caches and writes under way may take
} tremula_open_options;

// Fills in the defaults. `size`: sizeof(tremula_open_options).
TREMULA_API void tremula_open_options_init(tremula_open_options* options, size_t size);

// The database in directory `path`, made if it isn't there. `options`: NULL for the defaults.
// Errors: io, locked, corrupt; unsupported for options that this library doesn't know.
TREMULA_API tremula_status tremula_open(const char* path, const tremula_open_options* options,
                                        tremula_db** db);
// A database that ends with its handle.
TREMULA_API tremula_status tremula_open_memory(tremula_db** db);
// Waits until every commit is on disk, and ends the database. Its subscriptions hear nothing more;
// the handles of them and of statements stay to be ended, and answer unsupported.
// Errors: misuse (inside a callback, or with a transaction open): the database stays open.
//   io: it ended, but its last commits are not on disk.
TREMULA_API tremula_status tremula_close(tremula_db* db);

enum tremula_output_kind {
  TREMULA_OUTPUT_COLUMNS = 0,   // a SELECT begins; no text
  TREMULA_OUTPUT_ROW = 1,       // a row as a JSON object
  TREMULA_OUTPUT_WRITE = 2,     // what a write did: {"inserted":2}
  TREMULA_OUTPUT_SNAPSHOT = 3,  // of SUBSCRIBE
  TREMULA_OUTPUT_PATCH = 4,     // a commit changed a subscription of the script
  TREMULA_OUTPUT_EXPLAIN = 5,   // a line of EXPLAIN
  TREMULA_OUTPUT_SHOW = 6,      // a line of SHOW
  TREMULA_OUTPUT_ERROR = 7      // a statement inside BEGIN failed and was undone
};

// One output of a script.  Borrowed: valid during the call.
typedef struct tremula_output {
  size_t size;            // of this struct in the library that runs
  int32_t kind;           // tremula_output_kind
  tremula_status status;  // of TREMULA_OUTPUT_ERROR
  uint64_t statement;     // which statement of the script, from 1
  tremula_text text;
  tremula_text subscription;  // its name: SNAPSHOT, PATCH
} tremula_output;
typedef void (*tremula_output_function)(void* user, const tremula_output* output);

// Runs a script of any statements. `parameters`: `count` of them; unused ones are ignored.
// `output`: may be NULL. Subscriptions and a BEGIN of the script end with it. A callback that
// throws (C++) hears nothing more, and the script runs on to its end.
// Errors: of the statement that ended the script; what was committed before it stays.
TREMULA_API tremula_status tremula_run(tremula_db* db, const char* script,
                                       const tremula_named* parameters, size_t count,
                                       tremula_output_function output, void* user);
// The rows of one SELECT as a JSON array, to be given to tremula_free().
TREMULA_API tremula_status tremula_query_json(tremula_db* db, const char* select,
                                              const tremula_named* parameters, size_t count,
                                              char** json);

// --- Prepared statements ---

typedef struct tremula_statement tremula_statement;

// One SELECT, or one writing statement, parsed and bound to tables once. It follows when tables
// are declared anew.
TREMULA_API tremula_status tremula_prepare(tremula_db* db, const char* text,
                                           tremula_statement** statement);
// Gives a parameter its value, which is copied and stays until it is given another one.
TREMULA_API tremula_status tremula_bind(tremula_statement* statement, const char* name,
                                        tremula_value value);
TREMULA_API tremula_status tremula_clear_bindings(tremula_statement* statement);
// Runs the statement, if it was not since the last reset: a write in a transaction of its own, or
// in the one that is open on this thread; a SELECT takes all its rows as of now. Then goes to the
// next row.
// Returns: TREMULA_ROW, TREMULA_DONE (after a write at once), or an error.
TREMULA_API tremula_status tremula_step(tremula_statement* statement);
// The next step runs it anew. Bindings stay.
TREMULA_API tremula_status tremula_reset(tremula_statement* statement);
// The properties of the rows, from the first step on; before it, and of a write, 0.
TREMULA_API size_t tremula_column_count(const tremula_statement* statement);
TREMULA_API const char* tremula_column_name(const tremula_statement* statement, size_t column);
// A property of the row. BYTES come as the TEXT of their base64, as in JSON. Borrowed until the
// next step, reset or finalize.  Errors: misuse without a row, or past the last column.
TREMULA_API tremula_status tremula_column(tremula_statement* statement, size_t column,
                                          tremula_value* value);
// The row as a JSON object.  Borrowed: as tremula_column().
TREMULA_API tremula_status tremula_row_json(tremula_statement* statement, tremula_text* json);
// How many rows the last run inserted, upserted, matched or deleted; 0 for a SELECT.
TREMULA_API uint64_t tremula_rows_written(const tremula_statement* statement);
TREMULA_API void tremula_finalize(tremula_statement* statement);

// --- Transactions ---

typedef struct tremula_transaction tremula_transaction;

// Waits until no other thread has one open. A call that fails inside is undone alone, and the
// transaction goes on.
// Errors: unsupported if this thread has one open on this database.
TREMULA_API tremula_status tremula_begin(tremula_db* db, tremula_transaction** transaction);
// Commits and ends it; if that fails, it is rolled back. `ticket`: for tremula_wait_durable(), may
// be NULL; also written with TREMULA_CALLBACK_FAILED and TREMULA_EXCEPTION, as the commit stands.
// Errors: misuse (another thread): it stays open.  io: the disk takes nothing any more.
TREMULA_API tremula_status tremula_commit(tremula_transaction* transaction, uint64_t* ticket);
TREMULA_API tremula_status tremula_rollback(tremula_transaction* transaction);

// Writes of one row. `key`: the values of the key, in the order of the KEY clause.
// `generated`: the key that was made, for a table that makes them; else 0. May be NULL.
// `found`: whether there is such a row. May be NULL.
TREMULA_API tremula_status tremula_insert(tremula_transaction* transaction, const char* table,
                                          const tremula_named* columns, size_t count,
                                          int64_t* generated);
TREMULA_API tremula_status tremula_upsert(tremula_transaction* transaction, const char* table,
                                          const tremula_named* columns, size_t count,
                                          int64_t* generated);
TREMULA_API tremula_status tremula_update(tremula_transaction* transaction, const char* table,
                                          const tremula_value* key, size_t key_count,
                                          const tremula_named* columns, size_t count,
                                          int32_t* found);
TREMULA_API tremula_status tremula_erase(tremula_transaction* transaction, const char* table,
                                         const tremula_value* key, size_t key_count,
                                         int32_t* found);
// A column of a row as the transaction sees it; NULL if there is no such row.
// Borrowed: until the next call with this transaction.
TREMULA_API tremula_status tremula_get(tremula_transaction* transaction, const char* table,
                                       const tremula_value* key, size_t key_count,
                                       const char* column, tremula_value* value);
// One writing statement. `rows`: as tremula_rows_written(), may be NULL.
TREMULA_API tremula_status tremula_execute(tremula_transaction* transaction, const char* statement,
                                           const tremula_named* parameters, size_t count,
                                           uint64_t* rows);

// --- Disk and other processes ---

// The number of commits that changed something: the ticket of the last one.
TREMULA_API uint64_t tremula_commit_count(tremula_db* db);
// Waits until a commit is on disk; in memory it returns at once.  Errors: io.
TREMULA_API tremula_status tremula_wait_durable(tremula_db* db, uint64_t ticket);
// Delivers what other processes committed. `commits`: how many that were; may be NULL.
TREMULA_API tremula_status tremula_poll(tremula_db* db, uint64_t* commits);
// A file descriptor that becomes readable when tremula_poll() has something to do; -1: never.
TREMULA_API int tremula_wake_fd(const tremula_db* db);

// --- Subscriptions ---

typedef struct tremula_subscription tremula_subscription;
// What one commit changed in one result, never nothing.  Borrowed: valid during the callback.
typedef struct tremula_delta tremula_delta;

enum tremula_change_kind {
  TREMULA_CHANGE_ADD = 0,     // a row entered an array: `value` at `path`
  TREMULA_CHANGE_REMOVE = 1,  // a row left: at `path`
  TREMULA_CHANGE_MOVE = 2,    // a row changed its place: from `from` to `path`
  TREMULA_CHANGE_REPLACE = 3  // the value at `path` is now `value`
};

// One change of a result tree.  Borrowed: as the delta.
typedef struct tremula_change {
  size_t size;   // sizeof(tremula_change), set by the caller
  int32_t kind;  // tremula_change_kind
  int32_t reserved;
  int64_t index;           // the row's place in its array if the path ends in one, else -1
  tremula_text path;       // JSON pointer into the result as it is when the change is applied
  tremula_text from;       // of MOVE
  tremula_text value;      // JSON: of ADD and REPLACE
  tremula_text old_value;  // JSON: of REMOVE and REPLACE, if old values were asked for
  tremula_text key;        // JSON array of the row's key, if old values were asked for
} tremula_change;

// Returns: 0, or anything else for a failure (see Callbacks, above).
typedef int32_t (*tremula_listener)(void* user, tremula_subscription* subscription,
                                    const tremula_delta* delta);

typedef struct tremula_subscribe_options {
  size_t size;         // sizeof(tremula_subscribe_options)
  int32_t old_values;  // whether changes also carry `old_value` and `key`
  int32_t reserved;    // 0
  // Called with `user` when the listener will not be called any more and is not being called: in
  // tremula_unsubscribe(), or at the end of the delivery that was under way; also if
  // tremula_subscribe() fails. It may not call Tremula. May be NULL.
  void (*destroy)(void* user);
} tremula_subscribe_options;

// Makes the select's result and keeps it: `listener` hears every commit that changes it, from any
// thread on, maybe before this call returns there. `options`: may be NULL.
TREMULA_API tremula_status tremula_subscribe(tremula_db* db, const char* select,
                                             const tremula_named* parameters, size_t count,
                                             tremula_listener listener, void* user,
                                             const tremula_subscribe_options* options,
                                             tremula_subscription** subscription);
// The result as of the latest commit, as a JSON array for tremula_free(): right after
// tremula_subscribe() the snapshot that the deltas build on. "[]" once the database ended.
TREMULA_API tremula_status tremula_subscription_json(tremula_subscription* subscription,
                                                     char** json);
// Ends it: nothing is heard any more, not even what is being delivered.
TREMULA_API void tremula_unsubscribe(tremula_subscription* subscription);

TREMULA_API uint64_t tremula_delta_commit(const tremula_delta* delta);  // its number
TREMULA_API size_t tremula_delta_count(const tremula_delta* delta);     // of changes
// Change `index`, in the order in which they are to be applied.
TREMULA_API tremula_status tremula_delta_change(const tremula_delta* delta, size_t index,
                                                tremula_change* change);
// All changes as the text of an RFC 6902 JSON Patch, ended by a NUL.
TREMULA_API tremula_text tremula_delta_patch(const tremula_delta* delta);

#ifdef __cplusplus
}
#endif
