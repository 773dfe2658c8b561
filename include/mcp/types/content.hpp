// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/json/value.hpp>
#include <mcp/types/read.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mcp::inline v0 {

/// Hints for the host on how to use a piece of content (schema: `Annotations`).
struct content_annotations {
  std::vector<std::string> audience;  ///< `user`, `assistant`
  std::optional<double> priority;     ///< from 0, optional, to 1, required
  std::string last_modified;          ///< ISO 8601; empty when absent

  static result<content_annotations> parse(const json::value& object) {
    content_annotations out;
    auto read = detail::read_members(object, detail::optional("audience", out.audience),
                                     detail::optional("priority", out.priority),
                                     detail::optional("lastModified", out.last_modified));
    if (!read) return std::move(read).error();
    return out;
  }
};

struct text_content {
  std::string text;
};

struct image_content {
  std::string data;  ///< Base64
  std::string mime_type;
};

struct audio_content {
  std::string data;  ///< Base64
  std::string mime_type;
};

/// A resource that the server offers to read; texts are empty when absent.
struct resource_link {
  std::string uri;
  std::string name;
  std::string title;
  std::string description;
  std::string mime_type;
  std::optional<std::int64_t> size;  ///< bytes
};

/// A resource's contents: text, or Base64 in `blob`.
struct embedded_resource {
  std::string uri;
  std::string mime_type;  ///< empty when absent
  std::optional<std::string> text;
  std::optional<std::string> blob;
  std::string meta;  ///< `_meta` of the resource as JSON text; empty when absent
};

/// A kind of content that this library does not know, from a newer server or an extension.
struct unknown_content {
  std::string type;
  std::string raw;  ///< the whole block as JSON text
};

/// One block of content (schema: `ContentBlock`).
struct content_block {
  std::variant<text_content, image_content, audio_content, resource_link, embedded_resource, unknown_content>
      value;
  std::optional<content_annotations> annotations;
  std::string meta;  ///< `_meta` of the block as JSON text; empty when absent

  /// `errc::unexpected_result` if a member that the kind requires is missing or mistyped; the message is
  /// its path.
  static result<content_block> parse(const json::value& object) {
    content_block out;
    std::string type;
    json::value annotations;
    auto read = detail::read_members(object, detail::required("type", type),
                                     detail::optional("annotations", annotations),
                                     detail::optional("_meta", detail::object_text{out.meta}));
    if (read) read = out.read_value(type, object);
    if (!read) return std::move(read).error();
    if (annotations.present()) {
      auto parsed = content_annotations::parse(annotations);
      if (!parsed) return detail::within("annotations", parsed.error());
      out.annotations = *std::move(parsed);
    }
    return out;
  }

 private:
  result<void> read_value(std::string_view type, const json::value& object) {
    using detail::optional;
    using detail::required;
    if (type == "text") {
      auto& text = value.emplace<text_content>();
      return detail::read_members(object, required("text", text.text));
    }
    if (type == "image") {
      auto& image = value.emplace<image_content>();
      return detail::read_members(object, required("data", image.data),
                                  required("mimeType", image.mime_type));
    }
    if (type == "audio") {
      auto& audio = value.emplace<audio_content>();
      return detail::read_members(object, required("data", audio.data),
                                  required("mimeType", audio.mime_type));
    }
    if (type == "resource_link") {
      auto& link = value.emplace<resource_link>();
      return detail::read_members(object, required("uri", link.uri), required("name", link.name),
                                  optional("title", link.title), optional("description", link.description),
                                  optional("mimeType", link.mime_type), optional("size", link.size));
    }
    if (type == "resource") {
      auto& embedded = value.emplace<embedded_resource>();
      json::value resource;
      auto outer = detail::read_members(object, required("resource", resource));
      if (!outer) return outer;
      auto inner = detail::read_members(resource, required("uri", embedded.uri),
                                        optional("mimeType", embedded.mime_type),
                                        optional("text", embedded.text), optional("blob", embedded.blob),
                                        optional("_meta", detail::object_text{embedded.meta}));
      if (!inner) return detail::within("resource", inner.error());
      if (!embedded.text && !embedded.blob) return detail::unexpected("resource.text");
      return {};
    }
    value = unknown_content{std::string(type), std::string(object.text())};
    return {};
  }
};

}  // namespace mcp::inline v0
