/* The same in C. */
#include <stdio.h>
#include <tremula/tremula_c.h>

static int32_t print_patch(void* user, tremula_subscription* subscription,
                           const tremula_delta* delta) {
  (void)user, (void)subscription;
  printf("%s ", tremula_delta_patch(delta).data);
  return 0;
}

int main(void) {
  tremula_db* db = NULL;
  tremula_subscription* songs = NULL;
  if (tremula_open_memory(&db) != TREMULA_OK) return 1;
  tremula_run(db, "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2)", NULL, 0, NULL, NULL);
  tremula_subscribe(db, "SELECT Name FROM Song", NULL, 0, print_patch, NULL, NULL, &songs);
  tremula_run(db, "INSERT INTO Song {Id: 1, Name: 'Low'}", NULL, 0, NULL, NULL);
  printf("%s\n", tremula_status_name(tremula_run(db, "SELECT Nme FROM Song", NULL, 0, NULL, NULL)));
  tremula_unsubscribe(songs);
  return tremula_close(db) == TREMULA_OK ? 0 : 1;
}
