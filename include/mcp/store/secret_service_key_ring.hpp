// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>

#include <memory>
#include <string>

#include <libsecret/secret.h>

/// \file
/// The default key ring of the desktop session, by libsecret: bytes under text keys, and nobody is asked for
/// a password.
namespace mcp::inline v0::detail {

struct glib_release {
  void operator()(GMainContext* pushed) const noexcept {
    g_main_context_pop_thread_default(pushed);
    g_main_context_unref(pushed);
  }
  void operator()(GHashTable* table) const noexcept { g_hash_table_unref(table); }
  void operator()(SecretValue* value) const noexcept { secret_value_unref(value); }
  void operator()(GList* objects) const noexcept { g_list_free_full(objects, g_object_unref); }
  template <class Object>
  void operator()(Object* object) const noexcept {
    g_object_unref(object);
  }
};
template <class T>
using glib_ptr = std::unique_ptr<T, glib_release>;

/// Where GLib puts an error.
class glib_error {
 public:
  glib_error() = default;
  glib_error(const glib_error&) = delete;
  glib_error& operator=(const glib_error&) = delete;
  ~glib_error() { g_clear_error(&raised_); }

  GError** out() noexcept { return &raised_; }
  explicit operator bool() const noexcept { return raised_ != nullptr; }
  failure why() const {
    return failure(errc::store_failed,
                   std::string("the Secret Service: ") + (raised_ ? raised_->message : "refused"));
  }

 private:
  GError* raised_ = nullptr;
};

/// A `SecretService` that fails where it would wait for a person to answer a prompt.
class promptless_service {
 public:
  static GType type() {
    static const GType registered =
        g_type_register_static_simple(SECRET_TYPE_SERVICE, "McpPromptlessService", sizeof(SecretServiceClass),
                                      init_class, sizeof(SecretService), nullptr, G_TYPE_FLAG_NONE);
    return registered;
  }

 private:
  static void init_class(gpointer made, gpointer) {
    auto* const service = static_cast<SecretServiceClass*>(made);
    service->prompt_async = prompt;  // the operations that block begin it as well
    service->prompt_finish = finish;
  }
  static void prompt(SecretService* self, SecretPrompt*, const GVariantType*, GCancellable* cancellable,
                     GAsyncReadyCallback done, gpointer data) {
    const glib_ptr<GTask> task(g_task_new(self, cancellable, done, data));
    g_task_return_new_error(task.get(), SECRET_ERROR, SECRET_ERROR_IS_LOCKED,
                            "a person would have to agree to it");
  }
  static GVariant* finish(SecretService*, GAsyncResult* ended, GError** error) {
    return static_cast<GVariant*>(g_task_propagate_pointer(G_TASK(ended), error));
  }
};

/// The default key ring, open for one operation, on one thread. Errors, where nothing else is said:
/// `store_failed`.
class key_ring {
 public:
  static result<key_ring> open() {
    key_ring opened;
    glib_error error;
    opened.bus_.reset(g_bus_get_sync(G_BUS_TYPE_SESSION, nullptr, error.out()));
    if (!opened.bus_) return error.why();
    g_dbus_connection_set_exit_on_close(opened.bus_.get(), FALSE);  // or this process would end with the bus
    opened.service_.reset(secret_service_open_sync(promptless_service::type(), nullptr, SECRET_SERVICE_NONE,
                                                   nullptr, error.out()));
    if (!opened.service_) return error.why();
    opened.ring_.reset(secret_collection_for_alias_sync(opened.service_.get(), SECRET_COLLECTION_DEFAULT,
                                                        SECRET_COLLECTION_NONE, nullptr, error.out()));
    if (error) return error.why();
    if (!opened.ring_) return failure(errc::store_failed, "there is no default key ring");
    return opened;
  }

  key_ring(key_ring&&) = default;
  key_ring& operator=(key_ring&&) = delete;
  /// Not before the items that were found.
  ~key_ring() {
    ring_.reset();
    service_.reset();
    while (context_ && g_main_context_iteration(context_.get(), FALSE) != 0) continue;  // frees the rest
  }

  bool locked() const { return secret_collection_get_locked(ring_.get()) != 0; }

  /// What a person sees of the item.
  static std::string label(const std::string& key) { return "asio-mcp: " + key; }

  // The rest on a ring that is not locked.

  /// Null: there is none. Error: `store_corrupt` where there are several, of which none is the right one.
  result<glib_ptr<SecretItem>> find(const std::string& key) const {
    glib_error error;
    const glib_ptr<GList> found(secret_collection_search_sync(ring_.get(), nullptr, attributes(key).get(),
                                                              SECRET_SEARCH_ALL, nullptr, error.out()));
    if (error) return error.why();
    if (!found) return glib_ptr<SecretItem>();
    if (found->next != nullptr) return failure(errc::store_corrupt, label(key) + ": several items");
    return glib_ptr<SecretItem>(SECRET_ITEM(g_object_ref(found->data)));
  }

  static result<secret> read(SecretItem& item) {
    glib_error error;
    if (secret_item_load_secret_sync(&item, nullptr, error.out()) == 0) return error.why();
    const glib_ptr<SecretValue> value(secret_item_get_secret(&item));
    gsize size = 0;
    const char* const bytes = secret_value_get(value.get(), &size);
    secret copy({bytes, size});
    // libsecret wipes only what it could lock in memory.
    wipe(const_cast<char*>(bytes), size);  // NOLINT(cppcoreguidelines-pro-type-const-cast): it is on the heap
    return copy;
  }

  /// Writes into the item that was found, or makes one.
  result<void> write(const std::string& key, SecretItem* found, const secret& bytes) const {
    glib_error error;
    auto* const borrowed = const_cast<char*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    const glib_ptr<SecretValue> value(secret_value_new_full(borrowed, static_cast<gssize>(bytes.size()),
                                                            "application/octet-stream", nullptr));
    if (found != nullptr) {
      // GNOME Keyring would complain in the system's log of an item that is made in place of another.
      if (secret_item_set_secret_sync(found, value.get(), nullptr, error.out()) == 0) return error.why();
      return {};
    }
    const glib_ptr<SecretItem> made(secret_item_create_sync(ring_.get(), nullptr, attributes(key).get(),
                                                            label(key).c_str(), value.get(),
                                                            SECRET_ITEM_CREATE_NONE, nullptr, error.out()));
    if (!made) return error.why();
    return {};
  }

  static result<void> remove(SecretItem& item) {
    glib_error error;
    if (secret_item_delete_sync(&item, nullptr, error.out()) == 0) return error.why();
    return {};
  }

 private:
  // Not the context of the thread: perhaps nobody runs that, and what is to be freed there would pile up.
  key_ring() : context_(g_main_context_new()) { g_main_context_push_thread_default(context_.get()); }

  /// By which an item is found. Refers to `key`.
  static glib_ptr<GHashTable> attributes(const std::string& key) {
    glib_ptr<GHashTable> made(g_hash_table_new(g_str_hash, g_str_equal));
    const auto add = [&](const char* name, const char* value) {
      g_hash_table_insert(made.get(), const_cast<char*>(name), const_cast<char*>(value));  // NOLINT
    };
    add("xdg:schema", "asio-mcp.record");
    add("key", key.c_str());
    return made;
  }

  glib_ptr<GMainContext> context_;
  glib_ptr<GDBusConnection> bus_;
  glib_ptr<SecretService> service_;
  glib_ptr<SecretCollection> ring_;
};

}  // namespace mcp::inline v0::detail
