mod coordinates;
mod grad;
mod row_loop;
mod sum;
mod value_grad;
