/* The C face from C99: every function, and what the header promises of callbacks and errors.
 *
 *     c_face [NAME-PART]     runs the tests whose name has it, or all; exit status 1 if one fails
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tremula/tremula_c.h>
#include <unistd.h>

static int failures = 0;
static int checks = 0;

static void check(int holds, const char* what, int line) {
  ++checks;
  if (holds) return;
  ++failures;
  fprintf(stderr, "c_face.c:%d: not so: %s (%s)\n", line, what, tremula_error_text());
}
#define CHECK(condition) check((condition) ? 1 : 0, #condition, __LINE__)
#define CHECK_OK(call) check((call) == TREMULA_OK, #call, __LINE__)

static void check_text(const char* is, const char* should, int line) {
  ++checks;
  if (strcmp(is, should) == 0) return;
  ++failures;
  fprintf(stderr, "c_face.c:%d:\n  is     %s\n  should %s\n", line, is, should);
}
#define CHECK_TEXT(is, should) check_text(is, should, __LINE__)

static int is_text(tremula_text text, const char* should) {
  return text.size == strlen(should) && memcmp(text.data, should, text.size) == 0;
}

static const char* const schema =
    "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2 NOT NULL, Plays INT = 3 DEFAULT 0);"
    "TABLE Pair = 2 (A INT = 1, B TEXT = 2, N REAL = 3, KEY (B, A)) STRICT;"
    "TABLE Any = 3 (Body JSON = 1, Raw BYTES = 2, Yes BOOL = 3)";

static tremula_db* songs(void) {
  tremula_db* db = NULL;
  CHECK_OK(tremula_open_memory(&db));
  CHECK_OK(tremula_run(db, schema, NULL, 0, NULL, NULL));
  return db;
}

static tremula_status run(tremula_db* db, const char* script) {
  return tremula_run(db, script, NULL, 0, NULL, NULL);
}

static void check_rows(tremula_db* db, const char* select, const char* should, int line) {
  char* json = NULL;
  check(tremula_query_json(db, select, NULL, 0, &json) == TREMULA_OK, select, line);
  if (json == NULL) return;
  check_text(json, should, line);
  tremula_free(json);
}
#define CHECK_ROWS(db, select, should) check_rows(db, select, should, __LINE__)

static tremula_named named(const char* name, tremula_value value) {
  tremula_named made;
  made.name = name;
  made.value = value;
  return made;
}

/* --- errors --- */

static void errors_have_numbers_names_and_places(void) {
  tremula_db* db = songs();
  CHECK_TEXT(tremula_version(), TREMULA_VERSION);
  CHECK(TREMULA_SYNTAX == 1 && TREMULA_UNSUPPORTED == 20 && TREMULA_MISUSE == 100);
  CHECK(TREMULA_CALLBACK_FAILED == 103 && TREMULA_ROW == 200 && TREMULA_DONE == 201);
  CHECK_TEXT(tremula_status_name(TREMULA_OK), "ok");
  CHECK_TEXT(tremula_status_name(TREMULA_DUPLICATE_KEY), "duplicate_key");
  CHECK_TEXT(tremula_status_name(TREMULA_DONE), "done");
  CHECK_TEXT(tremula_status_name(77), "");

  CHECK(run(db, "SELECT Nme FROM Song") == TREMULA_UNKNOWN_COLUMN);
  CHECK(tremula_error_status() == TREMULA_UNKNOWN_COLUMN);
  CHECK(tremula_error_line() == 1 && tremula_error_column() == 8);
  CHECK(strstr(tremula_error_message(), "no column 'Nme' in Song") != NULL);
  CHECK(strstr(tremula_error_text(), "error: unknown_column at 1:8: ") == tremula_error_text());
  CHECK(strstr(tremula_error_text(), "\n         ^") != NULL);

  CHECK_OK(run(db, "SELECT Name FROM Song"));
  CHECK(tremula_error_status() == TREMULA_OK && tremula_error_line() == 0);
  CHECK_TEXT(tremula_error_message(), "");
  CHECK_TEXT(tremula_error_text(), "");

  CHECK(run(NULL, "SHOW TABLES") == TREMULA_MISUSE);
  CHECK(run(db, NULL) == TREMULA_MISUSE);
  CHECK(tremula_open_memory(NULL) == TREMULA_MISUSE);
  CHECK(tremula_step(NULL) == TREMULA_MISUSE);
  CHECK(tremula_commit(NULL, NULL) == TREMULA_MISUSE);
  CHECK(tremula_subscribe(db, "SELECT Id FROM Song", NULL, 0, NULL, NULL, NULL, NULL) ==
        TREMULA_MISUSE);
  CHECK(tremula_run(db, "SHOW TABLES", NULL, 1, NULL, NULL) == TREMULA_MISUSE);
  {
    tremula_named wrong = named("x", tremula_int_value(1));
    wrong.value.kind = 9;
    CHECK(tremula_run(db, "SHOW TABLES", &wrong, 1, NULL, NULL) == TREMULA_MISUSE);
    CHECK(strstr(tremula_error_message(), "kind 9") != NULL);
  }
  tremula_free(NULL);
  tremula_finalize(NULL);
  tremula_unsubscribe(NULL);
  CHECK_OK(tremula_rollback(NULL));
  CHECK_OK(tremula_close(NULL));
  CHECK_OK(tremula_close(db));
}

static void* fail_elsewhere(void* db) {
  CHECK(run((tremula_db*)db, "nonsense") == TREMULA_SYNTAX);
  CHECK(tremula_error_status() == TREMULA_SYNTAX);
  return NULL;
}

static void errors_are_the_threads_own(void) {
  tremula_db* db = songs();
  pthread_t thread;
  CHECK(run(db, "SELECT x FROM Nowhere") == TREMULA_UNKNOWN_TABLE);
  CHECK(pthread_create(&thread, NULL, fail_elsewhere, db) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(tremula_error_status() == TREMULA_UNKNOWN_TABLE);
  CHECK_OK(tremula_close(db));
}

/* --- scripts --- */

struct outputs {
  char text[2048];
  tremula_db* db;
};

static void note_output(void* user, const tremula_output* output) {
  struct outputs* outputs = (struct outputs*)user;
  char line[512];
  CHECK(output->size >= sizeof(tremula_output));
  snprintf(line, sizeof line, "%d/%d/%u %.*s|%.*s\n", (int)output->kind, (int)output->status,
           (unsigned)output->statement, (int)output->text.size, output->text.data,
           (int)output->subscription.size, output->subscription.data);
  strncat(outputs->text, line, sizeof outputs->text - strlen(outputs->text) - 1);
  if (outputs->db != NULL) CHECK(tremula_close(outputs->db) == TREMULA_MISUSE);
}

static void scripts_tell_their_outputs(void) {
  tremula_db* db = songs();
  struct outputs outputs = {"", NULL};
  tremula_named parameters[2];
  parameters[0] = named("name", tremula_text_value("L\xc3\xb8w"));
  parameters[1] = named("unused", tremula_null_value());
  outputs.db = db;
  CHECK_OK(tremula_run(db,
                       "SUBSCRIBE all AS SELECT Name FROM Song;"
                       "INSERT INTO Song {Id: 1, Name: $name};"
                       "SELECT Id FROM Song;"
                       "BEGIN; INSERT INTO Song {Id: 1, Name: 'again'}; COMMIT;",
                       parameters, 2, note_output, &outputs));
  CHECK(strstr(outputs.text, "3/0/1 {\"subscription\":\"all\",\"snapshot\":[]}|all\n") ==
        outputs.text);
  CHECK(strstr(outputs.text, "2/0/2 {\"inserted\":1}|\n") != NULL);
  CHECK(strstr(outputs.text, "4/0/2 {\"subscription\":\"all\",\"commit\":") != NULL);
  CHECK(strstr(outputs.text, "0/0/3 |\n1/0/3 {\"Id\":1}|\n") != NULL);
  CHECK(strstr(outputs.text, "7/7/5 error: duplicate_key") != NULL);
  CHECK_ROWS(db, "SELECT Name FROM Song", "[{\"Name\":\"L\xc3\xb8w\"}]");
  CHECK_OK(tremula_close(db));
}

/* --- statements --- */

static void statements_step_through_rows(void) {
  tremula_db* db = songs();
  tremula_statement* insert = NULL;
  tremula_statement* select = NULL;
  tremula_value value;
  tremula_text json;
  int64_t i;
  char text[] = "0";
  CHECK_OK(tremula_prepare(db, "INSERT INTO Song {Id: $id, Name: $name}", &insert));
  CHECK(tremula_step(insert) == TREMULA_UNBOUND_PARAMETER);
  for (i = 0; i < 3; ++i) {
    CHECK_OK(tremula_reset(insert));
    text[0] = (char)('a' + i);
    CHECK_OK(tremula_bind(insert, "id", tremula_int_value(i)));
    CHECK_OK(tremula_bind(insert, "name", tremula_text_value(text)));
    text[0] = '?'; /* the value was copied */
    CHECK(tremula_step(insert) == TREMULA_DONE);
    CHECK(tremula_rows_written(insert) == 1);
    CHECK(tremula_step(insert) == TREMULA_DONE); /* not run again */
  }
  CHECK_OK(tremula_reset(insert));
  CHECK(tremula_step(insert) == TREMULA_DUPLICATE_KEY);
  CHECK_OK(tremula_clear_bindings(insert));
  CHECK(tremula_step(insert) == TREMULA_UNBOUND_PARAMETER);
  tremula_finalize(insert);

  CHECK_OK(tremula_prepare(db, "SELECT Id, Name FROM Song WHERE Id >= $from ORDER BY Id", &select));
  CHECK(tremula_column_count(select) == 0);
  CHECK(tremula_column(select, 0, &value) == TREMULA_MISUSE);
  CHECK_OK(tremula_bind(select, "from", tremula_int_value(1)));
  CHECK(tremula_step(select) == TREMULA_ROW);
  CHECK(tremula_column_count(select) == 2);
  CHECK_TEXT(tremula_column_name(select, 0), "Id");
  CHECK_TEXT(tremula_column_name(select, 1), "Name");
  CHECK_TEXT(tremula_column_name(select, 2), "");
  CHECK_OK(run(db, "DELETE FROM Song")); /* the rows are those of the first step */
  CHECK_OK(tremula_column(select, 0, &value));
  CHECK(value.kind == TREMULA_KIND_INT && value.integer == 1);
  CHECK_OK(tremula_column(select, 1, &value));
  CHECK(value.kind == TREMULA_KIND_TEXT && is_text(value.text, "b"));
  CHECK(tremula_column(select, 2, &value) == TREMULA_MISUSE);
  CHECK_OK(tremula_row_json(select, &json));
  CHECK(is_text(json, "{\"Id\":1,\"Name\":\"b\"}"));
  CHECK(tremula_step(select) == TREMULA_ROW);
  CHECK_OK(tremula_column(select, 1, &value));
  CHECK(is_text(value.text, "c"));
  CHECK(tremula_step(select) == TREMULA_DONE);
  CHECK(tremula_row_json(select, &json) == TREMULA_MISUSE);
  CHECK(tremula_step(select) == TREMULA_DONE);
  CHECK_OK(tremula_reset(select));
  CHECK(tremula_step(select) == TREMULA_DONE);
  CHECK(tremula_rows_written(select) == 0);
  tremula_finalize(select);

  CHECK(tremula_prepare(db, "SHOW TABLES", &select) == TREMULA_UNSUPPORTED);
  CHECK(tremula_prepare(db, "SELECT", &select) == TREMULA_SYNTAX);
  CHECK_OK(tremula_close(db));
}

static void values_keep_their_kinds(void) {
  tremula_db* db = songs();
  tremula_statement* statement = NULL;
  tremula_value value;
  CHECK_OK(tremula_prepare(db, "INSERT INTO Any {Body: $body, Raw: $raw, Yes: $yes}", &statement));
  CHECK_OK(tremula_bind(statement, "body", tremula_json_value("[1, {\"a\":2.5}]")));
  CHECK_OK(tremula_bind(statement, "raw", tremula_bytes_value("\0\1\2", 3)));
  CHECK_OK(tremula_bind(statement, "yes", tremula_bool_value(5)));
  CHECK(tremula_step(statement) == TREMULA_DONE);
  CHECK_OK(tremula_reset(statement));
  CHECK_OK(tremula_bind(statement, "body", tremula_real_value(1.5)));
  CHECK_OK(tremula_bind(statement, "raw", tremula_text_value(NULL)));
  CHECK_OK(tremula_bind(statement, "yes", tremula_bool_value(0)));
  CHECK(tremula_step(statement) == TREMULA_DONE);
  tremula_finalize(statement);
  CHECK_OK(tremula_prepare(db, "SELECT Body, Raw, Yes FROM Any ORDER BY Yes DESC", &statement));
  CHECK(tremula_step(statement) == TREMULA_ROW);
  CHECK_OK(tremula_column(statement, 0, &value));
  CHECK(value.kind == TREMULA_KIND_JSON && is_text(value.text, "[1,{\"a\":2.5}]"));
  CHECK_OK(tremula_column(statement, 1, &value));
  CHECK(value.kind == TREMULA_KIND_TEXT && is_text(value.text, "AAEC"));
  CHECK_OK(tremula_column(statement, 2, &value));
  CHECK(value.kind == TREMULA_KIND_BOOL && value.integer == 1);
  CHECK(tremula_step(statement) == TREMULA_ROW);
  CHECK_OK(tremula_column(statement, 0, &value));
  CHECK(value.kind == TREMULA_KIND_REAL && value.real == 1.5);
  CHECK_OK(tremula_column(statement, 1, &value));
  CHECK(value.kind == TREMULA_KIND_NULL);
  tremula_finalize(statement);
  CHECK_OK(tremula_close(db));
}

/* --- transactions --- */

static tremula_status put_song(tremula_transaction* tx, int64_t id, const char* name) {
  tremula_named columns[2];
  columns[0] = named("Id", tremula_int_value(id));
  columns[1] = named("Name", tremula_text_value(name));
  return tremula_insert(tx, "Song", columns, 2, NULL);
}

static void transactions_write_typed_rows(void) {
  tremula_db* db = songs();
  tremula_transaction* tx = NULL;
  tremula_transaction* second = NULL;
  tremula_named columns[3];
  tremula_value key[2];
  tremula_value value;
  int64_t generated = -1;
  int32_t found = -1;
  uint64_t rows = 0, ticket = 0;
  CHECK_OK(tremula_begin(db, &tx));
  CHECK(tremula_begin(db, &second) == TREMULA_UNSUPPORTED);
  CHECK(run(db, "DELETE FROM Song") == TREMULA_UNSUPPORTED);
  CHECK(tremula_close(db) == TREMULA_MISUSE);
  CHECK_OK(put_song(tx, 1, "Low"));
  CHECK(put_song(tx, 1, "again") == TREMULA_DUPLICATE_KEY); /* undone alone */
  columns[0] = named("Id", tremula_int_value(2));
  columns[1] = named("Name", tremula_text_value("Ten"));
  columns[2] = named("Plays", tremula_int_value(7));
  CHECK_OK(tremula_upsert(tx, "Song", columns, 3, &generated));
  CHECK(generated == 0);
  key[0] = tremula_int_value(1);
  CHECK_OK(tremula_update(tx, "Song", key, 1, columns + 2, 1, &found));
  CHECK(found == 1);
  key[0] = tremula_int_value(9);
  CHECK_OK(tremula_update(tx, "Song", key, 1, columns + 2, 1, &found));
  CHECK(found == 0);
  columns[0] = named("Body", tremula_json_value("{}"));
  CHECK_OK(tremula_insert(tx, "Any", columns, 1, &generated));
  CHECK(generated > 0);
  columns[0] = named("A", tremula_int_value(1));
  columns[1] = named("B", tremula_text_value("x"));
  CHECK_OK(tremula_insert(tx, "Pair", columns, 2, NULL));
  key[0] = tremula_text_value("x");
  key[1] = tremula_int_value(1);
  CHECK_OK(tremula_erase(tx, "Pair", key, 2, &found));
  CHECK(found == 1);
  CHECK_OK(tremula_erase(tx, "Pair", key, 2, NULL));
  CHECK(tremula_erase(tx, "Nowhere", key, 2, NULL) == TREMULA_UNKNOWN_TABLE);
  columns[0] = named("n", tremula_int_value(2));
  CHECK_OK(tremula_execute(tx, "UPDATE Song SET Plays = Plays + $n", columns, 1, &rows));
  CHECK(rows == 2);
  key[0] = tremula_int_value(1);
  CHECK_OK(tremula_get(tx, "Song", key, 1, "Plays", &value));
  CHECK(value.kind == TREMULA_KIND_INT && value.integer == 9);
  CHECK_OK(tremula_get(tx, "Song", key, 1, "Name", &value));
  CHECK(is_text(value.text, "Low"));
  CHECK(tremula_get(tx, "Song", key, 1, "Nme", &value) == TREMULA_UNKNOWN_COLUMN);
  CHECK_OK(tremula_commit(tx, &ticket));
  CHECK(ticket == tremula_commit_count(db));
  CHECK_OK(tremula_wait_durable(db, ticket));
  CHECK_ROWS(db, "SELECT * FROM Song ORDER BY Id",
             "[{\"Id\":1,\"Name\":\"Low\",\"Plays\":9},{\"Id\":2,\"Name\":\"Ten\",\"Plays\":9}]");
  CHECK_OK(tremula_close(db));
}

static void statements_step_in_the_open_transaction(void) {
  tremula_db* db = songs();
  tremula_transaction* tx = NULL;
  tremula_statement* insert = NULL;
  tremula_statement* select = NULL;
  uint64_t before = tremula_commit_count(db);
  CHECK_OK(tremula_prepare(db, "INSERT INTO Song {Id: 5, Name: 'x'}", &insert));
  CHECK_OK(tremula_prepare(db, "SELECT Id FROM Song", &select));
  CHECK_OK(tremula_begin(db, &tx));
  CHECK(tremula_step(insert) == TREMULA_DONE);
  CHECK(tremula_step(select) == TREMULA_ROW);
  CHECK_OK(tremula_rollback(tx));
  CHECK_OK(tremula_reset(select));
  CHECK(tremula_step(select) == TREMULA_DONE);
  CHECK(tremula_commit_count(db) == before);
  CHECK_OK(tremula_reset(insert));
  CHECK(tremula_step(insert) == TREMULA_DONE);
  CHECK(tremula_commit_count(db) == before + 1);
  tremula_finalize(insert);
  tremula_finalize(select);
  CHECK_OK(tremula_close(db));
}

static void* use_elsewhere(void* tx) {
  CHECK(put_song((tremula_transaction*)tx, 1, "x") == TREMULA_MISUSE);
  CHECK(tremula_commit((tremula_transaction*)tx, NULL) == TREMULA_MISUSE);
  CHECK(tremula_rollback((tremula_transaction*)tx) == TREMULA_MISUSE);
  return NULL;
}

static void transactions_belong_to_their_thread(void) {
  tremula_db* db = songs();
  tremula_transaction* tx = NULL;
  pthread_t thread;
  CHECK_OK(tremula_begin(db, &tx));
  CHECK(pthread_create(&thread, NULL, use_elsewhere, tx) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK_OK(put_song(tx, 1, "y"));
  CHECK_OK(tremula_commit(tx, NULL));
  CHECK_ROWS(db, "SELECT Name FROM Song", "[{\"Name\":\"y\"}]");
  CHECK_OK(tremula_close(db));
}

/* --- subscriptions --- */

struct heard {
  char text[1024];
  int calls;
  int destroyed;
  int32_t returns;
  tremula_db* db;
  const char* script;            /* run inside the callback, once */
  tremula_subscription** to_end; /* ended inside the callback */
  uint64_t last_commit;
};

static void destroyed(void* user) { ++((struct heard*)user)->destroyed; }

static int32_t hear(void* user, tremula_subscription* subscription, const tremula_delta* delta) {
  struct heard* heard = (struct heard*)user;
  tremula_text patch = tremula_delta_patch(delta);
  CHECK(patch.data[patch.size] == '\0' && patch.size == strlen(patch.data));
  CHECK(subscription != NULL && heard->destroyed == 0);
  CHECK(tremula_delta_commit(delta) > heard->last_commit);
  heard->last_commit = tremula_delta_commit(delta);
  strncat(heard->text, patch.data, sizeof heard->text - strlen(heard->text) - 1);
  ++heard->calls;
  if (heard->script != NULL) {
    const char* script = heard->script;
    heard->script = NULL;
    CHECK_OK(run(heard->db, script));
  }
  if (heard->to_end != NULL) {
    tremula_unsubscribe(*heard->to_end);
    *heard->to_end = NULL;
    heard->to_end = NULL;
    CHECK(heard->destroyed == 0); /* not while it is called */
  }
  return heard->returns;
}

static tremula_subscription* listen(tremula_db* db, const char* select, struct heard* heard) {
  tremula_subscription* made = NULL;
  tremula_subscribe_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.destroy = destroyed;
  heard->db = db;
  CHECK_OK(tremula_subscribe(db, select, NULL, 0, hear, heard, &options, &made));
  return made;
}

static int32_t hear_changes(void* user, tremula_subscription* subscription,
                            const tremula_delta* delta) {
  int* calls = (int*)user;
  tremula_change change;
  struct {
    tremula_change known;
    char more[16];
  } wider;
  char* json = NULL;
  ++*calls;
  CHECK(tremula_delta_count(delta) == 2);
  memset(&change, 0xff, sizeof change);
  change.size = sizeof change;
  CHECK_OK(tremula_delta_change(delta, 0, &change));
  CHECK(change.kind == TREMULA_CHANGE_MOVE && is_text(change.from, "/0"));
  CHECK(is_text(change.path, "/3") && change.index == 3 && is_text(change.key, "[1]"));
  CHECK_OK(tremula_delta_change(delta, 1, &change));
  CHECK(change.kind == TREMULA_CHANGE_REPLACE && is_text(change.path, "/3/Plays"));
  CHECK(is_text(change.value, "9") && is_text(change.old_value, "1") && change.index == -1);
  CHECK(tremula_delta_change(delta, 2, &change) == TREMULA_MISUSE);
  /* An older program's struct, and a newer one's. */
  memset(&change, 0x55, sizeof change);
  change.size = offsetof(tremula_change, index);
  CHECK_OK(tremula_delta_change(delta, 1, &change));
  CHECK(change.kind == TREMULA_CHANGE_REPLACE && change.index == 0x5555555555555555);
  memset(&wider, 0x55, sizeof wider);
  wider.known.size = sizeof wider;
  CHECK_OK(tremula_delta_change(delta, 1, &wider.known));
  CHECK(wider.known.index == -1 && wider.more[0] == 0 && wider.more[15] == 0);
  change.size = 0;
  CHECK(tremula_delta_change(delta, 0, &change) == TREMULA_MISUSE);
  /* It sees the newest state. */
  CHECK_OK(tremula_subscription_json(subscription, &json));
  CHECK_TEXT(json,
             "[{\"Id\":2,\"Plays\":2},{\"Id\":3,\"Plays\":3},{\"Id\":4,\"Plays\":4},"
             "{\"Id\":1,\"Plays\":9}]");
  tremula_free(json);
  return 0;
}

static void subscriptions_tell_change_by_change(void) {
  tremula_db* db = songs();
  tremula_subscription* live = NULL;
  tremula_subscribe_options options = {sizeof options, 1, 0, NULL};
  tremula_named from = named("from", tremula_int_value(1));
  char* json = NULL;
  int calls = 0;
  CHECK_OK(run(db,
               "INSERT INTO Song {Id: 1, Name: 'a', Plays: 1}, {Id: 2, Name: 'b', Plays: 2},"
               "{Id: 3, Name: 'c', Plays: 3}, {Id: 4, Name: 'd', Plays: 4}"));
  CHECK_OK(tremula_subscribe(db, "SELECT Id, Plays FROM Song WHERE Id >= $from ORDER BY Plays",
                             &from, 1, hear_changes, &calls, &options, &live));
  CHECK_OK(tremula_subscription_json(live, &json));
  CHECK_TEXT(json,
             "[{\"Id\":1,\"Plays\":1},{\"Id\":2,\"Plays\":2},{\"Id\":3,\"Plays\":3},"
             "{\"Id\":4,\"Plays\":4}]");
  tremula_free(json);
  CHECK_OK(run(db, "UPDATE Song SET Plays = 9 WHERE Id = 1"));
  CHECK_OK(run(db, "UPDATE Song SET Name = 'c'")); /* changes nothing here */
  CHECK(calls == 1);
  tremula_unsubscribe(live);
  CHECK_OK(run(db, "DELETE FROM Song"));
  CHECK(calls == 1);
  CHECK(tremula_subscribe(db, "SELECT x FROM Song", NULL, 0, hear_changes, NULL, NULL, &live) ==
        TREMULA_UNKNOWN_COLUMN);
  CHECK_OK(tremula_close(db));
}

static void a_listener_that_fails_keeps_nobody_from_hearing(void) {
  tremula_db* db = songs();
  struct heard first = {"", 0, 0, 7, NULL, NULL, NULL, 0};
  struct heard second = {"", 0, 0, 8, NULL, NULL, NULL, 0};
  struct heard third = {"", 0, 0, 0, NULL, NULL, NULL, 0};
  tremula_subscription* one = listen(db, "SELECT Id FROM Song", &first);
  tremula_subscription* two = listen(db, "SELECT Name FROM Song", &second);
  tremula_subscription* three = listen(db, "SELECT Id, Name FROM Song", &third);
  tremula_transaction* tx = NULL;
  uint64_t ticket = 0;
  CHECK(run(db, "INSERT INTO Song {Id: 1, Name: 'a'}") == TREMULA_CALLBACK_FAILED);
  CHECK(tremula_error_status() == TREMULA_CALLBACK_FAILED);
  CHECK(strstr(tremula_error_message(), "returned 7") != NULL);
  CHECK(first.calls == 1 && second.calls == 1 && third.calls == 1);
  CHECK_ROWS(db, "SELECT Id FROM Song", "[{\"Id\":1}]");
  CHECK_OK(tremula_begin(db, &tx));
  CHECK_OK(put_song(tx, 2, "b"));
  CHECK(tremula_commit(tx, &ticket) == TREMULA_CALLBACK_FAILED);
  CHECK(ticket == tremula_commit_count(db) && third.last_commit == ticket);
  CHECK_OK(tremula_begin(db, &tx)); /* the one before has ended */
  CHECK_OK(tremula_rollback(tx));
  {
    tremula_statement* insert = NULL;
    CHECK_OK(tremula_prepare(db, "INSERT INTO Song {Id: 3, Name: 'c'}", &insert));
    CHECK(tremula_step(insert) == TREMULA_CALLBACK_FAILED);
    CHECK(tremula_step(insert) == TREMULA_DONE); /* not run twice: the commit stands */
    tremula_finalize(insert);
  }
  CHECK_ROWS(db, "SELECT Id FROM Song ORDER BY Id", "[{\"Id\":1},{\"Id\":2},{\"Id\":3}]");
  tremula_unsubscribe(one);
  tremula_unsubscribe(two);
  tremula_unsubscribe(three);
  CHECK(first.destroyed == 1 && second.destroyed == 1 && third.destroyed == 1);
  CHECK_OK(tremula_close(db));
}

static void a_listener_may_commit(void) {
  tremula_db* db = songs();
  struct heard first = {"", 0, 0, 0, NULL, NULL, NULL, 0};
  struct heard second = {"", 0, 0, 0, NULL, NULL, NULL, 0};
  tremula_subscription* one = listen(db, "SELECT Id FROM Song ORDER BY Id", &first);
  tremula_subscription* two = listen(db, "SELECT Id FROM Song ORDER BY Id", &second);
  first.script = "INSERT INTO Song {Id: 2, Name: 'from inside'}";
  CHECK_OK(run(db, "INSERT INTO Song {Id: 1, Name: 'a'}"));
  CHECK(first.calls == 2 && second.calls == 2);
  CHECK_TEXT(second.text, first.text); /* both hear both, in their order */
  CHECK(strstr(first.text, "\"Id\":1") < strstr(first.text, "\"Id\":2"));
  tremula_unsubscribe(one);
  tremula_unsubscribe(two);
  CHECK_OK(tremula_close(db));
}

static void a_listener_may_end_itself_and_others(void) {
  tremula_db* db = songs();
  struct heard first = {"", 0, 0, 0, NULL, NULL, NULL, 0};
  struct heard second = {"", 0, 0, 0, NULL, NULL, NULL, 0};
  tremula_subscription* one = listen(db, "SELECT Id FROM Song", &first);
  tremula_subscription* two = listen(db, "SELECT Name FROM Song", &second);
  first.to_end = &two; /* about to hear: hears nothing */
  CHECK_OK(run(db, "INSERT INTO Song {Id: 1, Name: 'a'}"));
  CHECK(first.calls == 1 && second.calls == 0);
  CHECK(first.destroyed == 0 && second.destroyed == 1 && two == NULL);
  first.to_end = &one;
  CHECK_OK(run(db, "INSERT INTO Song {Id: 2, Name: 'b'}"));
  CHECK(first.calls == 2 && first.destroyed == 1 && one == NULL);
  CHECK_OK(run(db, "INSERT INTO Song {Id: 3, Name: 'c'}"));
  CHECK(first.calls == 2);
  CHECK_OK(tremula_close(db));
}

struct inside {
  tremula_db* db;
  tremula_subscription* made;
  struct heard heard;
};

static int32_t do_everything(void* user, tremula_subscription* subscription,
                             const tremula_delta* delta) {
  struct inside* inside = (struct inside*)user;
  tremula_transaction* tx = NULL;
  (void)subscription, (void)delta;
  CHECK(tremula_close(inside->db) == TREMULA_MISUSE);
  CHECK_ROWS(inside->db, "SELECT Id FROM Song", "[{\"Id\":1}]");
  CHECK(run(inside->db, "nonsense") == TREMULA_SYNTAX); /* stays inside */
  CHECK_OK(tremula_begin(inside->db, &tx));
  CHECK_OK(put_song(tx, 2, "b"));
  CHECK_OK(tremula_rollback(tx));
  if (inside->made == NULL)
    inside->made = listen(inside->db, "SELECT Id FROM Song", &inside->heard);
  return 0;
}

static void a_listener_may_call_in_again(void) {
  tremula_db* db = songs();
  struct inside inside;
  tremula_subscription* live = NULL;
  memset(&inside, 0, sizeof inside);
  inside.db = db;
  CHECK_OK(
      tremula_subscribe(db, "SELECT Name FROM Song", NULL, 0, do_everything, &inside, NULL, &live));
  CHECK_OK(run(db, "INSERT INTO Song {Id: 1, Name: 'a'}"));
  CHECK(tremula_error_status() == TREMULA_OK);
  CHECK(inside.made != NULL && inside.heard.calls == 0); /* made after that commit */
  tremula_unsubscribe(live);
  CHECK_OK(run(db, "DELETE FROM Song"));
  CHECK(inside.heard.calls == 1);
  tremula_unsubscribe(inside.made);
  CHECK_OK(tremula_close(db));
}

static void handles_outlive_their_database(void) {
  tremula_db* db = songs();
  struct heard heard = {"", 0, 0, 0, NULL, NULL, NULL, 0};
  tremula_subscription* live = listen(db, "SELECT Id FROM Song", &heard);
  tremula_statement* statement = NULL;
  char* json = NULL;
  CHECK_OK(tremula_prepare(db, "SELECT Id FROM Song", &statement));
  CHECK_OK(tremula_close(db));
  CHECK(tremula_step(statement) == TREMULA_UNSUPPORTED);
  CHECK_OK(tremula_subscription_json(live, &json));
  CHECK_TEXT(json, "[]");
  tremula_free(json);
  tremula_finalize(statement);
  CHECK(heard.destroyed == 0);
  tremula_unsubscribe(live);
  CHECK(heard.destroyed == 1);
}

/* --- directories and options --- */

static void directories_keep_what_was_committed(void) {
  char folder[] = "/tmp/tremula_c_face_XXXXXX";
  char path[64];
  tremula_db* db = NULL;
  tremula_db* again = NULL;
  tremula_open_options options;
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/db", folder);
  tremula_open_options_init(&options, sizeof options);
  CHECK(options.size == sizeof options && options.create == 1 && options.memory_bytes > 0);
  options.create = 0;
  CHECK(tremula_open(path, &options, &db) == TREMULA_IO);
  options.create = 1;
  options.durability = TREMULA_SYNC;
  options.sync_delay_ms = 1;
  CHECK_OK(tremula_open(path, &options, &db));
  CHECK(tremula_open(path, NULL, &again) == TREMULA_LOCKED || again != NULL);
  if (again != NULL) CHECK_OK(tremula_close(again));
  CHECK_OK(run(db, schema));
  CHECK_OK(run(db, "INSERT INTO Song {Id: 1, Name: 'kept'}"));
  CHECK_OK(tremula_wait_durable(db, tremula_commit_count(db)));
  CHECK_OK(tremula_close(db));
  CHECK_OK(tremula_open(path, NULL, &db));
  CHECK_ROWS(db, "SELECT Name FROM Song", "[{\"Name\":\"kept\"}]");
  CHECK_OK(tremula_close(db));
  {
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
  }
}

static void options_may_be_older_or_newer(void) {
  struct {
    tremula_open_options known;
    uint64_t newer;
  } wide;
  struct heard heard = {"", 0, 0, 0, NULL, NULL, NULL, 0};
  tremula_db* db = NULL;
  const char* nowhere = "/nowhere/at/all";
  memset(&wide, 0xff, sizeof wide);
  tremula_open_options_init(&wide.known, sizeof wide);
  CHECK(wide.known.size == sizeof wide && wide.newer == 0 && wide.known.create == 1);
  CHECK(tremula_open(nowhere, &wide.known, &db) == TREMULA_IO); /* the options were fine */
  wide.newer = 1;
  CHECK(tremula_open(nowhere, &wide.known, &db) == TREMULA_UNSUPPORTED);
  wide.known.size = offsetof(tremula_open_options, sync_delay_ms);
  wide.known.reserved = 5; /* behind the end that was named */
  CHECK(tremula_open(nowhere, &wide.known, &db) == TREMULA_IO);
  wide.known.size = sizeof wide.known;
  CHECK(tremula_open(nowhere, &wide.known, &db) == TREMULA_UNSUPPORTED);
  wide.known.reserved = 0;
  wide.known.durability = 2;
  CHECK(tremula_open(nowhere, &wide.known, &db) == TREMULA_MISUSE);
  wide.known.size = 0;
  CHECK(tremula_open(nowhere, &wide.known, &db) == TREMULA_MISUSE);

  db = songs();
  CHECK(tremula_poll(db, NULL) == TREMULA_OK);
  {
    uint64_t commits = 9;
    CHECK_OK(tremula_poll(db, &commits));
    CHECK(commits == 0);
  }
  CHECK(tremula_wake_fd(db) == -1);
  {
    tremula_subscribe_options options = {sizeof options, 0, 1, destroyed};
    tremula_subscription* live = NULL;
    CHECK(tremula_subscribe(db, "SELECT Id FROM Song", NULL, 0, hear, &heard, &options, &live) ==
          TREMULA_UNSUPPORTED);
    CHECK(heard.destroyed == 1); /* also if it fails */
  }
  CHECK_OK(tremula_close(db));
}

#define TEST(name) \
  { #name, name }
static const struct {
  const char* name;
  void (*run)(void);
} tests[] = {
    TEST(errors_have_numbers_names_and_places),
    TEST(errors_are_the_threads_own),
    TEST(scripts_tell_their_outputs),
    TEST(statements_step_through_rows),
    TEST(values_keep_their_kinds),
    TEST(transactions_write_typed_rows),
    TEST(statements_step_in_the_open_transaction),
    TEST(transactions_belong_to_their_thread),
    TEST(subscriptions_tell_change_by_change),
    TEST(a_listener_that_fails_keeps_nobody_from_hearing),
    TEST(a_listener_may_commit),
    TEST(a_listener_may_end_itself_and_others),
    TEST(a_listener_may_call_in_again),
    TEST(handles_outlive_their_database),
    TEST(directories_keep_what_was_committed),
    TEST(options_may_be_older_or_newer),
};

int main(int argc, char** argv) {
  size_t i;
  int ran = 0;
  for (i = 0; i < sizeof tests / sizeof tests[0]; ++i) {
    const int before = failures;
    if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL) continue;
    tests[i].run();
    ++ran;
    if (failures != before) fprintf(stderr, "failed: %s\n", tests[i].name);
  }
  printf("%d tests, %d checks, %d failures\n", ran, checks, failures);
  return failures == 0 && ran > 0 ? 0 : 1;
}
