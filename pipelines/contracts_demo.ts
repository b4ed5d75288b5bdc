/**
 * A small star: `fact_sale` refers to `dim_product`. The schema contract lets new tables in, but refuses a column
 * or a type that nobody announced. Databricks makes real PRIMARY KEY and FOREIGN KEY constraints of it when its
 * destination has `create_indexes: true`.
 */
import { definePipeline, float } from "tidemark";

export async function* dim_product() {
  yield [
    { product_id: 1, name: "Tide table", price: float(12.5) },
    { product_id: 2, name: "Barometer", price: float(89) },
    { product_id: 3, name: "Chart of the bay", price: float(24.9) },
  ];
}

export async function* fact_sale() {
  yield [
    { sale_id: 100, product_id: 1, qty: 2 },
    { sale_id: 101, product_id: 3, qty: 1 },
    { sale_id: 102, product_id: 2, qty: 1 },
    { sale_id: 103, product_id: 1, qty: 5 },
  ];
}

const contract = { tables: "evolve", columns: "freeze", data_type: "freeze" } as const;

export default definePipeline({
  pipeline_name: "contracts_demo",
  source: {
    type: "code",
    name: "contracts_demo",
    module: "./contracts_demo.ts",
    resources: [
      {
        name: "dim_product",
        write_disposition: "merge",
        primary_key: "product_id",
        schema_contract: contract,
        columns: {
          product_id: { data_type: "bigint", nullable: false },
          name: { data_type: "text" },
          price: { data_type: "double" },
        },
      },
      {
        name: "fact_sale",
        write_disposition: "merge",
        primary_key: "sale_id",
        schema_contract: contract,
        columns: {
          sale_id: { data_type: "bigint", nullable: false },
          product_id: { data_type: "bigint" },
          qty: { data_type: "bigint" },
        },
        references: [
          { referenced_table: "dim_product", columns: ["product_id"], referenced_columns: ["product_id"] },
        ],
      },
    ],
  },
});
