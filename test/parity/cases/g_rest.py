"""Section g: the REST configuration in every key."""
from build import case, route, run


def pages(sizes, path="/items", param="page", first=0, body=None, extra=None, width=2):
    made, number = [], 0
    for i, size in enumerate(sizes):
        rows = [{"id": number + k} for k in range(size)]
        number += size
        more = extra(i, rows) if extra else {}
        made.append(route(path, json={"data": rows, **more}, query={param: str(first + i * (width if param == "offset" else 1))}))
    return made


def paged(paginator, **endpoint):
    return {"endpoint": {"paginator": paginator, **endpoint}}


# ---- paginators
case("g_offset", "offset with total", run(routes=pages([2, 2, 1], param="offset", extra=lambda i, r: {"total": 5}), **paged({"type": "offset", "limit": 2})))
case("g_offset_text_total", "total as text", run(routes=pages([2, 1], param="offset", extra=lambda i, r: {"total": "3"}), **paged({"type": "offset", "limit": 2})))
case("g_offset_no_total", "without a total: until an empty page", run(routes=pages([2, 2, 0], param="offset"), **paged({"type": "offset", "limit": 2, "total_path": None})))
case("g_offset_total_missing", "total_path that is not in the body", run(routes=pages([2, 2], param="offset"), **paged({"type": "offset", "limit": 2})))
case("g_offset_short_page", "the offset grows by the limit, not by the rows", run(routes=pages([1, 1, 0], param="offset", extra=lambda i, r: {"total": 6}), **paged({"type": "offset", "limit": 2, "stop_after_empty_page": False})))
case("g_offset_maximum", "maximum_offset", run(routes=pages([2, 2, 2, 2], param="offset"), **paged({"type": "offset", "limit": 2, "total_path": None, "maximum_offset": 4})))
case("g_offset_names", "own names, start offset, nested total", run(routes=[route("/items", json={"data": [{"id": 1}], "meta": {"n": 14}}, query={"skip": "10", "take": "2"}), route("/items", json={"data": [{"id": 2}], "meta": {"n": 14}}, query={"skip": "12"})],
     **paged({"type": "offset", "limit": 2, "offset": 10, "offset_param": "skip", "limit_param": "take", "total_path": "meta.n"})))
case("g_offset_has_more", "has_more_path", run(routes=pages([2, 2, 2], param="offset", extra=lambda i, r: {"more": i < 1}), **paged({"type": "offset", "limit": 2, "total_path": None, "has_more_path": "more"})))
case("g_offset_body", "offset and limit in the request body", run(routes=[route("/items", json={"data": [{"id": i}]}, body={"page": {"x": 1, "from": i * 2, "size": 2}}) for i in range(2)] + [route("/items", json={"data": []})],
     endpoint={"method": "POST", "json": {"page": {"x": 1}}, "paginator": {"type": "offset", "limit": 2, "offset_body_path": "page.from", "limit_body_path": "page.size", "total_path": None}}))
case("g_page", "page_number with total pages", run(routes=pages([2, 2], extra=lambda i, r: {"total": 2}), **paged({"type": "page_number"})))
case("g_page_base", "base_page 1", run(routes=pages([2, 2], first=1, extra=lambda i, r: {"total": 2}), **paged({"type": "page_number", "base_page": 1})))
case("g_page_start", "start page apart from base_page", run(routes=pages([2, 2], first=3, extra=lambda i, r: {"total": 4}), **paged({"type": "page_number", "base_page": 1, "page": 3})))
case("g_page_maximum", "maximum_page is exclusive", run(routes=pages([2, 2, 2, 2]), **paged({"type": "page_number", "total_path": None, "maximum_page": 2})))
case("g_page_empty", "until an empty page", run(routes=pages([2, 1, 0]), **paged({"type": "page_number", "total_path": None})))
case("g_page_names", "page_param and total_path", run(routes=[route("/items", json={"data": [{"id": p}], "info": {"pages": 2}}, query={"p": str(p)}) for p in (1, 2)], **paged({"type": "page_number", "base_page": 1, "page_param": "p", "total_path": "info.pages"})))
case("g_page_has_more", "has_more as text", run(routes=pages([1, 1, 1], extra=lambda i, r: {"more": "true" if i < 1 else "false"}), **paged({"type": "page_number", "total_path": None, "has_more_path": "more"})))
case("g_page_has_more_missing", "has_more that is missing", run(routes=pages([1, 1]), **paged({"type": "page_number", "total_path": None, "has_more_path": "more"})))
case("g_page_body", "the page in the request body", run(routes=[route("/items", json={"data": [{"id": 1}]}, body={"q": {"k": 1, "page": 0}}), route("/items", json={"data": [{"id": 2}]}, body={"q": {"k": 1, "page": 1}}), route("/items", json={"data": []})],
     endpoint={"method": "POST", "json": {"q": {"k": 1}}, "paginator": {"type": "page_number", "page_body_path": "q.page", "total_path": None}}))
CURSOR = [route("/items", json={"data": [{"id": 1}], "cursors": {"next": "b b&c"}, "more": True}, query={"cursor": None}), route("/items", json={"data": [{"id": 2}], "cursors": {"next": ""}, "more": False}, query={"cursor": "b b&c"})]
case("g_cursor", "cursor paginator with its defaults", run(routes=CURSOR, **paged({"type": "cursor"})))
case("g_cursor_has_more", "cursor with has_more_path", run(routes=CURSOR, **paged({"type": "cursor", "has_more_path": "more"})))
case("g_cursor_number", "number cursors, own names, 0 stops", run(routes=[route("/items", json={"data": [{"id": 1}], "n": 7}, query={"after": None}), route("/items", json={"data": [{"id": 2}], "n": 0}, query={"after": "7"})], **paged({"type": "cursor", "cursor_path": "n", "cursor_param": "after"})))
case("g_cursor_body", "a cursor in the request body", run(routes=[route("/items", json={"data": [{"id": 2}]}, body={"o": {"k": 1, "after": "x"}}), route("/items", json={"data": [{"id": 1}], "next": "x"})], endpoint={"method": "POST", "json": {"o": {"k": 1}}, "paginator": {"type": "cursor", "cursor_path": "next", "cursor_body_path": "o.after"}}))
case("g_cursor_empty_page", "stop_after_empty_page with cursors", run(routes=[route("/items", json={"data": [], "next": "x"}, query={"cursor": None}), route("/items", json={"data": [{"id": 1}]}, query={"cursor": "x"})], **paged({"type": "cursor", "cursor_path": "next", "stop_after_empty_page": True})))
case("g_json_link", "json_link: absolute, relative, query only", run(routes=[route("/items", json={"data": [{"id": 1}], "next": "{{BASE}}/items/p2?x=1&k=v"}), route("/items/p2", json={"data": [{"id": 2}], "next": "p3?y=2"}), route("/items/p3", json={"data": [{"id": 3}], "next": "/other"}), route("/other", json={"data": [{"id": 4}], "next": None})],
     endpoint={"params": {"k": "v", "q": "1"}, "paginator": {"type": "json_link"}}))
case("g_json_link_path", "json_link by a path; older name json_response", run(routes=[route("/items", json={"data": [{"id": 1}], "links": {"n": "{{BASE}}/b"}}), route("/b", json={"data": [{"id": 2}], "links": {}})], **paged({"type": "json_response", "next_url_path": "links.n"})))
case("g_header_link", "Link headers", run(routes=[route("/items", rows=[{"id": 1}], answer_headers={"Link": '<{{BASE}}/items2?x=1>; rel="next", <{{BASE}}/last>; rel="last"'}), route("/items2", rows=[{"id": 2}])], **paged({"type": "header_link"})))
case("g_header_link_key", "another relation of Link headers", run(routes=[route("/items", rows=[{"id": 1}], answer_headers={"Link": '<{{BASE}}/items2>; rel="further"'}), route("/items2", rows=[{"id": 2}])], **paged({"type": "header_link", "links_next_key": "further"})))
case("g_header_cursor", "a cursor in a header", run(routes=[route("/items", rows=[{"id": 1}], answer_headers={"X-Next": "c2"}, query={"after": None}), route("/items", rows=[{"id": 2}], query={"after": "c2"})], **paged({"type": "header_cursor", "cursor_key": "X-Next", "cursor_param": "after"})))
case("g_single", "single_page", run(routes=[route("/items", json={"data": [{"id": 1}], "next": "{{BASE}}/x"})], **paged({"type": "single_page"})))
case("g_paginator_text", "paginators given by name", run(routes=[route("/items", rows=[{"id": 1}], answer_headers={"Link": '<{{BASE}}/b>; rel="next"'}), route("/b", rows=[{"id": 2}])], endpoint={"paginator": "header_link"}))
case("g_client_paginator", "a paginator at the client", run(routes=pages([1, 1, 0]), client={"paginator": {"type": "page_number", "total_path": None}}))
case("g_auto_named", "paginator auto", run(routes=[route("/items", rows=[{"id": 1}], answer_headers={"Link": '<{{BASE}}/b>; rel="next"'}), route("/b", rows=[{"id": 2}])], endpoint={"paginator": "auto"}))
# ---- detection
case("g_detect_link", "detected: Link header", run(routes=[route("/items", rows=[{"id": 1}], answer_headers={"Link": '<{{BASE}}/b>; rel="next"'}), route("/b", rows=[{"id": 2}])]))
case("g_detect_json", "detected: a next link in the body", run(routes=[route("/items", json={"data": [{"id": 1}], "next": "{{BASE}}/b"}), route("/b", json={"data": [{"id": 2}]})]))
case("g_detect_json_deep", "detected: a next link deep in the body, with href", run(routes=[route("/items", json={"meta": {"links": {"next_page": {"href": "/b"}}}, "data": [{"id": 1}]}), route("/b", json={"data": [{"id": 2}]})]))
case("g_detect_pages", "detected: total_pages", run(routes=[route("/items", json={"data": [{"id": 2}], "total_pages": 2}, query={"page": "1"}), route("/items", json={"data": [{"id": 1}], "total_pages": 2})]))
case("g_detect_cursor", "detected: a next cursor", run(routes=[route("/items", json={"data": [{"id": 2}], "next_token": None}, query={"cursor": "abc"}), route("/items", json={"data": [{"id": 1}], "next_token": "abc"})]))
case("g_detect_none", "detected: nothing", run(routes=[route("/items", json={"data": [{"id": 1}], "total": 5})]))
# ---- selectors
BODY = {"meta": {"list": [1]}, "a": {"b": {"items": [{"id": 1}]}}, "other": [{"x": 1}]}
case("g_select_detect", "the data's place is detected", run(routes=[route("/items", json=BODY)]))
case("g_select_first", "detected: the first list where no name is known", run(routes=[route("/items", json={"x": {"y": [{"id": 1}]}, "z": [{"id": 2}]})]))
case("g_select_body", "detected: a body without lists is one row", run(routes=[route("/items", json={"id": 1, "o": {"p": 1}})]))
case("g_select_deep", "detected: lists that lie too deep", run(routes=[route("/items", json={"a": {"b": {"c": {"data": [{"id": 1}]}}}})]))
for i, selector in enumerate(["a.b.items", "$", "a.b", "a.b.items[*].id", "nothing.here", "$.other[0]", "*", "$..items", "other[*]", "a['b'].items", "$.a.b.items[0:1]", "other,meta"]):
    case(f"g_selector_{i}", f"data_selector {selector}", run(routes=[route("/items", json=BODY)], endpoint={"data_selector": selector}))
case("g_select_null", "a selector on null", run(routes=[route("/items", json={"data": None})], endpoint={"data_selector": "data"}))
case("g_empty_body", "an empty list, an empty object", run(routes=[route("/items", json=[])]), run(routes=[route("/items", json={})]), run(routes=[route("/items", json={"data": []})]))
case("g_scalar_body", "a body that is a scalar", run(routes=[route("/items", raw="5")]), run(routes=[route("/items", raw="null")]), run(routes=[route("/items", raw='"text"')]))
case("g_bad_json", "a body that is no JSON", run(routes=[route("/items", raw="<html>")]))
case("g_no_body", "no body at all", run(routes=[route("/items", raw="")]))
# ---- auth
SECRET = [route("/items", rows=[{"id": 1}], when={"Authorization": "Bearer t0"}), route("/items", status=401, json={})]
case("g_auth_bearer", "bearer", run(routes=SECRET, client={"auth": {"type": "bearer", "token": "t0"}}))
case("g_auth_default", "auth without a type is bearer", run(routes=SECRET, client={"auth": {"token": "t0"}}))
case("g_auth_wrong", "401 fails extract", run(routes=SECRET, client={"auth": {"type": "bearer", "token": "t1"}}))
case("g_auth_basic", "http_basic", run(routes=[route("/items", rows=[{"id": 1}], when={"Authorization": "Basic dcO8OnA6dw=="}), route("/items", status=401, json={})], client={"auth": {"type": "http_basic", "username": "tü", "password": "p:w"}}))
case("g_auth_key_header", "api_key in a header", run(routes=[route("/items", rows=[{"id": 1}], when={"X-Key": "k0"})], client={"auth": {"type": "api_key", "name": "X-Key", "api_key": "k0", "location": "header"}}))
case("g_auth_key_default", "api_key with its defaults", run(routes=[route("/items", rows=[{"id": 1}], when={"Authorization": "k0"})], client={"auth": {"type": "api_key", "api_key": "k0"}}))
case("g_auth_key_query", "api_key in the query", run(routes=pages([1, 0]), client={"auth": {"type": "api_key", "name": "key", "api_key": "k 0&", "location": "query"}}, **paged({"type": "page_number", "total_path": None})))
TOKEN = [route("/token", json={"access_token": "tok", "expires_in": 3600}, method="POST"), route("/items", rows=[{"id": 1}], when={"Authorization": "Bearer tok"})]
case("g_auth_oauth", "OAuth2 client credentials", run(routes=TOKEN, client={"auth": {"type": "oauth2_client_credentials", "access_token_url": "{{BASE}}/token", "client_id": "ci", "client_secret": "cs", "access_token_request_data": {"scope": "all"}}}))
case("g_auth_endpoint", "auth of an endpoint over the client's", run(routes=SECRET, client={"auth": {"type": "bearer", "token": "zz"}}, endpoint={"auth": {"type": "bearer", "token": "t0"}}))
case("g_headers", "headers of client and endpoint", run(routes=[route("/items", rows=[{"id": 1}], when={"X-A": "2", "X-B": "1"})], client={"headers": {"X-A": "1", "X-B": "1"}}, endpoint={"headers": {"X-A": "2"}}))
# ---- requests
case("g_params", "params of all kinds", run([{"id": 1}], endpoint={"params": {"s": "a b&c=d/é", "n": 5, "f": 1.5, "t": True, "l": [1, 2], "e": "", "x": None, "b": "{{x}}"}}))
case("g_post_json", "a JSON body", run([{"id": 1}], endpoint={"method": "POST", "json": {"a": {"b": [1, "x", None]}, "c": "{{lit}}"}}))
case("g_post_data", "a form body", run([{"id": 1}], endpoint={"method": "POST", "data": {"a": "x"}}))
case("g_urls", "paths with slashes, query, absolute, empty", run(resources=[{"name": "a", "endpoint": "/items"}, {"name": "b", "endpoint": "items/"}, {"name": "c", "endpoint": "{{BASE}}/items?x=1"}, {"name": "d", "endpoint": "items?y=2"}, {"name": "e", "endpoint": {"path": "items", "params": {"z": 3}}}], routes=[route("/items", [{"id": 1}]), route("/items/", [{"id": 2}])]))
case("g_base_slash", "base_url with a path and a slash", run(routes=[route("/v1/items", [{"id": 1}])], client={"base_url": "{{BASE}}/v1/"}))
case("g_names", "resources by name only", run(resources=["items", {"name": "other", "endpoint": "items"}], rows=[{"id": 1}]))
case("g_defaults", "resource_defaults and what overrides them", run(resources=["items", {"name": "b", "endpoint": {"path": "items", "params": {"k": "2"}}, "write_disposition": "append"}, {"name": "c", "endpoint": {"path": "items", "params": {"j": "1"}}, "columns": {"x": {"data_type": "text"}}}], rows=[{"id": 1, "x": 1}],
     defaults={"primary_key": "id", "write_disposition": "merge", "endpoint": {"params": {"k": "1", "m": "0"}, "headers": {"X-D": "1"}}, "columns": {"id": {"data_type": "text"}}}))
# ---- parent and child
PARENT = route("/p", [{"id": 1, "n": "N/1", "o": {"k": "x"}, "z": None}, {"id": 2, "n": "é b", "o": {"k": "y"}, "z": 5}])
case("g_resolve", "type resolve in params", run(resources=["p", {"name": "c", "endpoint": {"path": "p/{pid}/c", "params": {"pid": {"type": "resolve", "resource": "p", "field": "id"}, "q": "1"}}}], routes=[PARENT, route("/p/1/c", [{"k": 1}]), route("/p/2/c", [{"k": 2}, {"k": 3}])]))
case("g_resolve_nested", "a field path", run(resources=["p", {"name": "c", "endpoint": {"path": "c/{resources.p.o.k}"}}], routes=[PARENT, route("/c/x", [{"k": 1}]), route("/c/y", [{"k": 2}])]))
case("g_resolve_query", "placeholders in params", run(resources=["p", {"name": "c", "endpoint": {"path": "c", "params": {"a": "{resources.p.n}", "b": "x{resources.p.id}y"}}}], routes=[PARENT, route("/c", [{"k": 1}])]))
case("g_resolve_json", "placeholders in json keep their type", run(resources=["p", {"name": "c", "endpoint": {"path": "c", "method": "POST", "json": {"id": "{resources.p.id}", "t": "no {resources.p.id}", "o": {"l": ["{resources.p.o}", "{{x}}"]}}}}], routes=[PARENT, route("/c", [{"k": 1}])]))
case("g_resolve_headers", "placeholders in headers", run(resources=["p", {"name": "c", "endpoint": {"path": "c", "headers": {"X-P": "{resources.p.id}"}}}], routes=[PARENT, route("/c", [{"k": 1}], when={"X-P": "1"}), route("/c", [{"k": 2}])]))
case("g_include", "include_from_parent: dicts, nulls", run(resources=["p", {"name": "c", "endpoint": "p/{resources.p.id}/c", "include_from_parent": ["id", "n", "o", "z"]}], routes=[PARENT, route("/p/1/c", [{"k": 1, "id": 9}]), route("/p/2/c", [{"k": 2}])]))
case("g_include_missing", "include_from_parent of a field that is missing", run(resources=["p", {"name": "c", "endpoint": "p/{resources.p.id}/c", "include_from_parent": ["nope"]}], routes=[PARENT, route("/p/1/c", [{"k": 1}]), route("/p/2/c", [{"k": 2}])]))
case("g_resolve_missing", "a parent row without the field", run(resources=["p", {"name": "c", "endpoint": "c/{resources.p.id}"}], routes=[route("/p", [{"id": 1}, {"x": 2}]), route("/c/1", [{"k": 1}])]))
case("g_parent_unselected", "a parent that is requested only", run(resources=[{"name": "p", "selected": False}, {"name": "c", "endpoint": "p/{resources.p.id}/c"}], routes=[PARENT, route("/p/1/c", [{"k": 1}]), route("/p/2/c", [{"k": 2}])]))
case("g_child_unselected", "a child that is not selected", run(resources=["p", {"name": "c", "endpoint": "p/{resources.p.id}/c", "selected": False}], routes=[PARENT]))
case("g_single_entity", "a path that ends in a placeholder", run(resources=["p", {"name": "c", "endpoint": "p/{resources.p.id}"}], routes=[PARENT, route("/p/1", json={"id": 1, "data": [1, 2], "next": "{{BASE}}/zz"}), route("/p/2", json={"id": 2, "data": []})]))
case("g_grandchild", "three generations", run(resources=["p", {"name": "c", "endpoint": "p/{resources.p.id}/c"}, {"name": "g", "endpoint": "c/{resources.c.k}/g", "include_from_parent": ["k"]}], routes=[PARENT, route("/p/1/c", [{"k": 1}]), route("/p/2/c", [{"k": 2}]), route("/c/1/g", [{"v": 1}]), route("/c/2/g", [{"v": 2}])]))
case("g_static_path", "a static placeholder in the path", run(resources=[{"name": "c", "endpoint": {"path": "v/{ver}/c", "params": {"ver": 2, "k": 1}}}], routes=[route("/v/2/c", [{"k": 1}])]))
case("g_child_paged", "pages of children, detected anew per parent", run(resources=["p", {"name": "c", "endpoint": {"path": "p/{resources.p.id}/c"}}], routes=[PARENT, route("/p/1/c", json={"data": [{"k": 1}], "next": "{{BASE}}/x1"}), route("/x1", json={"data": [{"k": 2}]}), route("/p/2/c", json={"data": [{"k": 3}], "total_pages": 2}, query={"page": None}), route("/p/2/c", json={"data": [{"k": 4}], "total_pages": 2})]))
case("g_parallelized", "parallelized children", run(resources=["p", {"name": "c", "endpoint": "p/{resources.p.id}/c", "parallelized": True}], routes=[PARENT, route("/p/1/c", [{"k": 1}]), route("/p/2/c", [{"k": 2}])]))
case("g_child_merge", "children merged by a key from the parent", run(resources=["p", {"name": "c", "endpoint": "p/{resources.p.id}/c", "include_from_parent": ["id"], "primary_key": ["_p_id", "k"], "write_disposition": "merge"}], routes=[PARENT, route("/p/1/c", [{"k": 1, "v": 1}]), route("/p/2/c", [{"k": 1, "v": 2}])]), run(routes=[PARENT, route("/p/1/c", [{"k": 1, "v": 3}]), route("/p/2/c", [{"k": 2}])]))
# ---- response actions and retries
def acts(*actions):
    return {"endpoint": {"path": "items", "paginator": {"type": "page_number", "total_path": None}, "response_actions": list(actions)}}


GONE = [route("/items", [{"id": 1}], query={"page": "0"}), route("/items", status=404, json={"error": "gone for good"}, query={"page": "1"})]
case("g_action_status", "an ignored status ends the pages", run(routes=GONE, **acts({"status_code": 404, "action": "ignore"})))
case("g_action_content", "an ignored content", run(routes=GONE, **acts({"content": "gone", "action": "ignore"})))
case("g_action_both", "both conditions must hold", run(routes=GONE, **acts({"status_code": 404, "content": "other", "action": "ignore"})))
case("g_action_200", "ignored content of a 200", run(routes=[route("/items", [{"id": 1}], query={"page": "0"}), route("/items", json=[{"id": 2, "t": "stop here"}])], **acts({"status_code": 200, "content": "stop", "action": "ignore"})))
case("g_action_500", "an ignored 500 is not retried", run(routes=[route("/items", status=500, json={})], **acts({"status_code": 500, "action": "ignore"})))
case("g_status_400", "400 fails extract", run(routes=[route("/items", status=400, json={"m": "bad"})]))
case("g_retry_429", "429, 429, 200 with Retry-After", run(routes=[route("/items", responses=[{"status": 429, "json": {}, "headers": {"Retry-After": "0"}}, {"status": 429, "json": {}, "headers": {"Retry-After": "0"}}, {"json": [{"id": 1}]}])]))
case("g_retry_500", "500 five times fails", run(routes=[route("/items", status=503, json={}, answer_headers={"Retry-After": "0"})]))
case("g_redirect", "a redirect is followed", run(routes=[route("/items", status=302, json={}, answer_headers={"Location": "/b"}), route("/b", [{"id": 1}])]))
case("g_bad_config", "a config with an unknown key", run([{"id": 1}], endpoint={"pathh": "x"}))
case("g_bad_paginator", "an unknown paginator", run([{"id": 1}], endpoint={"paginator": "nope"}))
case("g_bad_parent", "a parent that is not there", run(resources=[{"name": "c", "endpoint": "p/{resources.q.id}/c"}], rows=[]))
case("g_utf8", "bodies in UTF-8 with a byte order mark, and escapes", run(raw='[{"id":1,"t":"\\u00e9é\\ud83d\\ude00"}]'))
