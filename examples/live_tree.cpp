// A live tree: artists with their albums with their tracks, as one document that follows every
// commit.
//
// The same deltas that draw a screen: each names the place in the tree, what stood there and what
// stands there now.
#include <tremula/tremula.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr const char* kSchema = R"(
  TABLE Artist = 1 (ArtistId INT = 1 KEY, Name TEXT = 2 NOT NULL);
  TABLE Album = 2 (AlbumId INT = 1 KEY, Title TEXT = 2 NOT NULL, ArtistId INT = 3 INDEX REF Artist);
  TABLE Track = 3 (TrackId INT = 1 KEY, Name TEXT = 2, AlbumId INT = 3 INDEX REF Album);
  INSERT INTO Artist {ArtistId: 1, Name: 'Nina Simone'}, {ArtistId: 2, Name: 'Can'};
  INSERT INTO Album {AlbumId: 1, Title: 'Pastel Blues', ArtistId: 1},
                    {AlbumId: 2, Title: 'Future Days', ArtistId: 2};
  INSERT INTO Track {TrackId: 1, Name: 'Sinnerman', AlbumId: 1},
                    {TrackId: 2, Name: 'Moonshake', AlbumId: 2};
)";

constexpr const char* kTree = R"(
  SELECT {
    a.Name,
    albums: [SELECT {
      b.Title,
      tracks: [SELECT t.Name FROM Track AS t WHERE t.AlbumId = b.AlbumId]
    } FROM Album AS b WHERE b.ArtistId = a.ArtistId]
  } FROM Artist AS a ORDER BY a.Name
)";

int failures = 0;

void expect(const std::string& found, const std::string& wanted) {
  std::printf("%s\n", found.c_str());
  if (found == wanted) return;
  std::printf("  expected %s\n", wanted.c_str());
  ++failures;
}

}  // namespace

int main() {
  auto db = tremula::Database::in_memory();
  db.run(kSchema).value();

  std::vector<std::string> patches;
  auto tree = db.subscribe(kTree, {}, [&](const tremula::Delta& delta) {
                  patches.push_back(delta.patch());
                }).value();
  expect(tree.json(),
         R"([{"Name":"Can","albums":[{"Title":"Future Days","tracks":["Moonshake"]}]},)"
         R"({"Name":"Nina Simone","albums":[{"Title":"Pastel Blues","tracks":["Sinnerman"]}]}])");

  // An edit deep in the tree is one replace at its path.
  db.run("UPDATE Track SET Name = 'Bel Air' WHERE TrackId = 2;").value();
  expect(patches.back(), R"([{"op":"replace","path":"/0/albums/0/tracks/0","value":"Bel Air"}])");

  // A transaction is seen whole: the album comes with its track.
  db.transact([](tremula::Transaction& tx) {
      tx.insert("Album", {{"AlbumId", 3}, {"Title", "Wild Is the Wind"}, {"ArtistId", 1}});
      tx.insert("Track", {{"TrackId", 3}, {"Name", "Lilac Wine"}, {"AlbumId", 3}});
    }).value();
  expect(patches.back(), R"([{"op":"add","path":"/1/albums/1",)"
                         R"("value":{"Title":"Wild Is the Wind","tracks":["Lilac Wine"]}}])");

  // A commit that doesn't touch the result says nothing.
  const std::size_t heard = patches.size();
  db.run("INSERT INTO Track {TrackId: 4, Name: 'not on any album'};").value();
  expect(std::to_string(patches.size()), std::to_string(heard));

  tree.end();
  db.run("DELETE FROM Artist;").value();
  expect(std::to_string(patches.size()), std::to_string(heard));
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
