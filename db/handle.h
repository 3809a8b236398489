// Handle: a statement or another small thing that was given out and must hear when its database
// ends. Listenings, of which there may be very many, are found through their views.
//
// Thread: with the engine's mutex.
#pragma once

namespace tremula::db {

// What ends when its database does: the handles of the face that were given out.
class Handle {
 public:
  virtual ~Handle() = default;
  virtual void database_ended() = 0;

 private:
  friend class Handles;
  Handle* next_ = nullptr;
  Handle** link_ = nullptr;  // what points to this one
};

// The handles of one database: a list through themselves, for there may be very many.
class Handles {
 public:
  void add(Handle& handle) {
    handle.next_ = first_;
    handle.link_ = &first_;
    if (first_ != nullptr) first_->link_ = &handle.next_;
    first_ = &handle;
  }
  void remove(Handle& handle) {
    *handle.link_ = handle.next_;
    if (handle.next_ != nullptr) handle.next_->link_ = handle.link_;
  }
  // Tells all that the database ends; none is in the list then.
  void end_all() {
    while (Handle* handle = first_) {
      remove(*handle);
      handle->database_ended();
    }
  }

 private:
  Handle* first_ = nullptr;
};

}  // namespace tremula::db
