"""Section a: identifiers, limits, names of sources and datasets."""
from build import case, route, run

MERGE = {"primary_key": "id", "write_disposition": "merge"}
case("a_unicode_digits", "digits outside ASCII, at the start and alone", run([{"٣a": 1, "٣": 2, "a²b": 3, "x٣٤": 4, "Ⅷ9": 5, "１２": 6}]))
case("a_underscores_at_ends", "underscores before, after, around", run([{"_": 1}, {"____": 2}, {"a___": 3}, {"___a": 4}, {"_a_": 5}, {"a____b__": 6}, {"__a__b__": 7}, {"b___c_": 8}]))
case("a_plus_and_others", "mapped characters at the ends", run([{"a+": 1, "*": 2, "@": 3, "|": 4, "a-": 5, "-a": 6, "+1": 7, "a b_": 8, "A*B": 9, "a@B|c": 10}]))
case("a_case_runs", "runs of upper case", run([{"ABC": 1, "aBC": 2, "ABc": 3, "AbC": 4, "aB1C": 5, "A1b": 6, "XMLHttpRequest": 7, "myXMLId": 8, "_ABc": 9, "A_Bc": 10, "aÉb": 11, "OAuth2Token": 12, "x2Y": 13}]))
case("a_separator_limit", "a path of three pieces is shortened as a whole", run([{"id": 1, "first__second__third_part_of_it": 1, "First Piece__x": 2}], destination_args={"max_identifier_length": 20}))
case("a_column_limit_only", "only columns have a limit", run([{"id": 1, "a_rather_long_column_name": "x", "a_rather_long_list_name": [{"k": 1, "another_long_column_name": 1}]}], destination_args={"max_column_identifier_length": 22}))
case("a_limit_continue", "shortened names in a second run and with an empty folder", run([{"id": 1, "a_very_long_column_name_indeed": 1, "a_very_long_list_name_indeed": [{"v": 1}]}], destination_args={"max_identifier_length": 20}, hints=MERGE),
     run([{"id": 1, "a_very_long_column_name_indeed": "x", "a_very_long_list_name_indeed": [{"v": "y"}]}]), run([{"id": 2, "a_very_long_column_name_indeed": 2, "a_very_long_list_name_indeed": []}], fresh_workdir=True))
case("a_limit_utf8", "the tag is made of UTF-8", run([{"id": 1, "żółta_gęś_jaźń_bardzo_długa_nazwa_pola": 1, "日本日本日本日本日本日本日本日本日本x": 2, "😀" * 12 + "_long_enough_now": 3}], destination_args={"max_identifier_length": 20}))
case("a_limit_hints", "hints for shortened columns", run([{"id": 1, "this_identifier_is_definitely_too_long": 1}], destination_args={"max_identifier_length": 20}, hints={"columns": {"this_identifier_is_definitely_too_long": {"data_type": "text"}}}))
case("a_long_source_name", "a schema name at the limit of 64", run([{"id": 1}], source_args={"name": "s" * 64}))
case("a_too_long_source_name", "a schema name beyond the limit", run([{"id": 1}], source_args={"name": "s" * 65}))
case("a_source_name_underscores", "source names with odd underscores", run([{"id": 1}], source_args={"name": "a__b_"}))
case("a_source_name_digit", "a source name that begins with a digit", run([{"id": 1}], source_args={"name": "1api"}))
case("a_dataset_double", "a dataset name with two underscores", run([{"id": 1}], dataset_name="a__b_", hints=MERGE))
case("a_dataset_digit", "a dataset name that begins with a digit, in mixed case", run([{"id": 1}], dataset_name="2024 MyData"))
case("a_reserved_words", "reserved words are used as they are", run([{"id": 1, "select": 1, "from": 2, "table": 3, "order": 4, "group": 5, "user": 6, "primary": 7, "default": 8, "null": 9, "true": 10}], hints={"name": "order", "primary_key": "select", "write_disposition": "merge"}), run([{"id": 2, "select": 1, "from": 5, "table": 3}]))
case("a_columns_quote", "quotes in names of resources", run([{"id": 1, "l": [1]}], hints={"name": "it's \"quoted\"; drop"}))
case("a_pipeline_name", "a pipeline name in mixed case", run([{"id": 1, "u": 1}], pipeline_name="My-Pipe_pipeline", endpoint={"incremental": {"cursor_path": "u"}}), run([{"id": 2, "u": 2}], fresh_workdir=True))
case("a_table_names_collide", "two resources whose tables have one name", run(resources=[{"name": "my items", "endpoint": "a"}, {"name": "my_items", "endpoint": "b"}], routes=[route("/a", [{"id": 1}]), route("/b", [{"x": 2}])]))
